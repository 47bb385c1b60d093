/** Parts with inputs or weights of their own: a segment from the middle, an independent copy, a saved slice. */
import { isCustomLayer } from '../../../layers/innerTensors';
import { escapeName, resolveAddress, type AddressPart } from '../../../model/address';
import { planCut } from '../../../slicing/sliceModel';
import { resolveCut, type ResolvedCut } from '../../../slicing/resolveCut';
import type { OpenCall, OpenTensor } from '../../../slicing/openGraph';
import type { CodeTask } from '../../codeTask';
import { Python, type Paragraph } from '../../languages/python';
import { PythonNames, pythonString, shapeTuple } from '../../languages/pythonLiterals';
import {
  LAMBDA_NOTE,
  describeInputs,
  fed,
  inputCall,
  outputStructure,
  startsInside,
  taskNames,
  writeExtractor,
  writeGuarded,
  writeLoader,
  writeReset,
  writeResetHelper,
  writeShapeGuard,
  type TaskNames,
} from '../../languages/pythonModel';
import { writePictureLoader } from '../../languages/pythonPictures';
import { PythonTensors } from '../../languages/pythonTensors';
import type { RecipeWriter } from '../../recipe';
import { savedKerasPath, sliceCommand } from '../../savedSlice';
import { arrayParameters } from './extraction';
import { whyNotExtracted, whyNotLoaded, whyNotOutside } from './fits';

export const middleSegment: RecipeWriter = {
  whyNot: (task) => {
    const why = whyNotLoaded(task) ?? whyNotOutside(task);
    if (why !== null) return why;
    if (!startsInside(task)) return 'the cut starts at the inputs of the model: functional-by-name does that';
    const unsaid = resolveCut(task.model, task.plan.cut).calls.find(
      (call) => PythonTensors.arguments(call.call, () => '') === null,
    );
    return unsaid ? `${unsaid.address} is called with an object that code cannot say` : null;
  },
  write: (task) => {
    const code = new Python();
    const names = taskNames(task);
    code.import('numpy', 'np');
    writeLoader(code, task);
    const helpers = writeSegment(code, task, names);
    writePredict(code, task, names, `compute_${names.title}`, 'segment');
    helpers();
    writeResetHelper(code, task);
    return code.snippet();
  },
};

/** `make_conv_2_segment(model)`: the calls of the cut, made anew from new inputs. */
function writeSegment(code: Python, task: CodeTask, names: TaskNames): () => void {
  const { model, plan } = task;
  const cut = resolveCut(model, plan.cut);
  const from = plan.inputs.map(({ address }) => address).join(', ');
  const to = plan.outputs.map(({ address }) => address).join(', ');
  const variables = new PythonNames([...names.inputs, ...names.outputs].map(({ name }) => name));
  const layers = new PythonTensors(code, { variable: 'model', graph: model.graph }, variables);
  code.function(
    {
      name: `make_${names.title}_segment`,
      parameters: ['model: keras.Model'],
      returns: 'keras.Model',
      doc: [
        `Computes ${to} from ${from}; the weights are those of the model.`,
        'The layers are applied anew: `keras.Model(inner_tensor, output)` fails where layers are called more than once, as those of a loaded Sequential are.',
      ],
    },
    () => writeCalls(code, task, names, { cut, variables, layers }),
  );
  return () => {
    if (names.outputs.some(({ shape }) => shape !== null)) writeShapeGuard(code);
    layers.helpers();
  };
}

interface SegmentCode {
  cut: ResolvedCut;
  variables: PythonNames;
  layers: PythonTensors;
}

function writeCalls(code: Python, { plan }: CodeTask, names: TaskNames, { cut, variables, layers }: SegmentCode): void {
  const values = new Map<OpenTensor, string>();
  const supplied = [...cut.supplied.map(({ tensor }) => tensor), ...cut.modelInputs];
  names.inputs.forEach(({ name }, i) => {
    const tensor = supplied[i];
    if (tensor) values.set(tensor, name);
    const input = plan.inputs[i];
    if (input) code.line(`${name} = ${inputCall(input)}`);
  });
  const wanted = new Map(cut.outputs.map(({ tensor }, i) => [tensor, names.outputs[i]]));
  for (const call of cut.calls) {
    const given = PythonTensors.arguments(call.call, (input) => {
      const read = call.inputs[input];
      return (read && values.get(read)) ?? 'None';
    });
    const several = call.outputs.length > 1;
    const [first] = call.outputs;
    const single = !several && first ? wanted.get(first) : undefined;
    const variable = single?.name ?? variables.take(lastOf(call), 'values');
    code.call(`${variable} = ${layers.layerAt(pathOf(call))}`, given ?? []);
    call.outputs.forEach((tensor, i) => values.set(tensor, several ? `${variable}[${i}]` : variable));
  }
  for (const { tensor } of cut.outputs) {
    const output = wanted.get(tensor);
    if (output) writeGuarded(code, output, values.get(tensor) ?? output.name);
  }
  const inputs = names.inputs.map(({ name }) => name);
  code.call('return keras.Model', [
    inputs.length === 1 ? inputs.join('') : `[${inputs.join(', ')}]`,
    outputStructure(names),
  ]);
}

/** Names down to the layer of a call. */
function pathOf({ layerAddress }: OpenCall): AddressPart[] {
  return splitAddress(layerAddress).map((name) => ({ name, call: 0 }));
}

function lastOf(call: OpenCall): string {
  return pathOf(call).at(-1)?.name ?? '';
}

function splitAddress(address: string): string[] {
  return (address.match(/(?:\\.|[^\\/])+/gsu) ?? [address]).map((part) => part.replace(/\\(.)/gsu, '$1'));
}

function writePredict(code: Python, task: CodeTask, names: TaskNames, name: string, variable: string): void {
  code.function(
    {
      name,
      parameters: [`${variable}: keras.Model`, ...arrayParameters(names)],
      returns: names.outputs.length > 1 ? 'list[np.ndarray]' : 'np.ndarray',
      doc: [describeInputs(names)],
    },
    () => {
      writeReset(code, task, variable);
      code.call(`return ${variable}.predict`, [fed(names), 'verbose=0']);
    },
  );
}

export const independentCopy: RecipeWriter = {
  whyNot: (task) => {
    const why = startsInside(task) ? middleSegment.whyNot(task) : whyNotExtracted(task);
    if (why !== null) return why;
    const inCut = new Set(task.plan.layers);
    const lambda = task.model.graph.layers.find(
      ({ name, className }) => className === 'Lambda' && inCut.has(escapeName(name)),
    );
    return lambda ? `${lambda.name} is a Lambda layer, which Keras does not copy` : null;
  },
  write: (task) => {
    const code = new Python();
    const names = taskNames(task);
    code.import('numpy', 'np');
    writeLoader(code, task);
    const part = startsInside(task)
      ? { name: `make_${names.title}_segment`, helpers: writeSegment(code, task, names) }
      : writeExtractor(code, task, names);
    code.function(
      {
        name: `copy_${names.title}`,
        parameters: ['model: keras.Model'],
        returns: 'keras.Model',
        doc: ['The same with weights of its own: training or changing it leaves the model alone.'],
      },
      () => {
        code.line(`part = ${part.name}(model)`);
        code.line('copy = keras.models.clone_model(part)');
        code.block('for layer in part.layers:', () =>
          code.block('if layer.weights:', () =>
            code.line('copy.get_layer(layer.name).set_weights(layer.get_weights())'),
          ),
        );
        code.line('return copy');
      },
    );
    writePredict(code, task, names, `compute_${names.title}`, 'copy');
    if (!startsInside(task)) writePictureLoader(code, task);
    part.helpers();
    writeResetHelper(code, task);
    return code.snippet();
  },
};

export const loadSlice: RecipeWriter = {
  whyNot: ({ plan, model }) => {
    const [lack] = planCut(model, plan.cut, 'keras-v3').notExportable;
    return lack ? `${lack.address} cannot be saved: ${lack.reason}` : null;
  },
  write: (task) => {
    const code = new Python();
    const names = taskNames(task);
    const inside = task.plan.layers.map((address) => resolveAddress(task.model.graph, address).layer);
    const classes = [...new Set(inside.filter(isCustomLayer).map(({ className }) => className))];
    const isLambda = inside.some(({ className }) => className === 'Lambda');
    const doc: Paragraph[] = [
      `Loads the part of ${task.model.graph.name} that this saves:`,
      { verbatim: [sliceCommand(task, '.keras')] },
    ];
    if (classes.length > 0)
      doc.push(`classes: your own, by what the file calls them: ${classes.map(pythonString).join(', ')}.`);
    if (isLambda) doc.push(LAMBDA_NOTE);
    code.import('keras');
    code.import('numpy', 'np');
    code.function(
      {
        name: `load_${names.title}_slice`,
        parameters: [
          ...(classes.length > 0 ? ['classes: dict[str, type]'] : []),
          `path: str = ${pythonString(savedKerasPath(task).replace(/^\.\//, ''))}`,
          ...(isLambda ? ['trusted: bool = False'] : []),
        ],
        returns: 'keras.Model',
        doc,
      },
      () => {
        code.call('part = keras.models.load_model', [
          'path',
          ...(classes.length > 0 ? ['custom_objects=classes'] : []),
          'compile=False',
          ...(isLambda ? ['safe_mode=not trusted'] : []),
        ]);
        names.outputs.forEach(({ address, shape }, i) => {
          if (shape) code.call('expect_shape', [pythonString(address), `part.outputs[${i}]`, shapeTuple(shape)]);
        });
        code.line('return part');
      },
    );
    writePredict(code, task, names, `compute_${names.title}`, 'part');
    if (!startsInside(task)) writePictureLoader(code, task);
    if (names.outputs.some(({ shape }) => shape !== null)) writeShapeGuard(code);
    writeResetHelper(code, task);
    return code.snippet();
  },
};
