/** Chains of layers: as a Sequential of their own, and layer by layer. */
import type { InspectTensor } from '../../../model/inspectDocument';
import type { CodeTask } from '../../codeTask';
import { Python } from '../../languages/python';
import { pythonString, shapeTuple } from '../../languages/pythonLiterals';
import {
  describeInputs,
  fed,
  inputCall,
  isStateful,
  startsInside,
  taskNames,
  writeLoader,
  writeReset,
  writeResetHelper,
  writeShapeGuard,
  type TaskNames,
} from '../../languages/pythonModel';
import { writePictureLoader } from '../../languages/pythonPictures';
import type { RecipeWriter } from '../../recipe';
import { arrayParameters } from './extraction';
import { chainOf, type Chain } from './fits';

export const sequentialPrefix: RecipeWriter = {
  whyNot: (task) => {
    const chain = chainOf(task);
    if ('why' in chain) return chain.why;
    return startsInside(task) ? 'the cut starts inside the model: sequential-range does that' : null;
  },
  write: (task) => writeSequential(task, 'prefix'),
};

export const sequentialRange: RecipeWriter = {
  whyNot: (task) => {
    const chain = chainOf(task);
    return 'why' in chain ? chain.why : null;
  },
  write: (task) => writeSequential(task, 'range'),
};

function writeSequential(task: CodeTask, what: 'prefix' | 'range'): ReturnType<Python['snippet']> {
  const code = new Python();
  const names = taskNames(task);
  const chain = chainOf(task);
  const [input] = task.plan.inputs;
  if ('why' in chain || !input) return code.snippet();
  const [first, last] = [chain.layers[0]?.name ?? '', chain.layers.at(-1)?.name ?? ''];
  writeLoader(code, task);
  code.function(
    {
      name: `make_${names.title}_${what}`,
      parameters: ['model: keras.Model'],
      returns: 'keras.Sequential',
      doc: [`The layers from ${first} to ${last} as a model of their own; the weights are those of the model.`],
    },
    () => {
      writeLayerList(code, chain, what);
      code.line(`${what === 'prefix' ? 'prefix' : 'segment'} = keras.Sequential([${inputCall(input)}, *layers])`);
      writeGuardedReturn(code, names, what === 'prefix' ? 'prefix' : 'segment');
    },
  );
  writeCompute(code, task, names);
  if (what === 'prefix') writePictureLoader(code, task);
  if (names.outputs.some(({ shape }) => shape !== null)) writeShapeGuard(code);
  writeResetHelper(code, task);
  return code.snippet();
}

/** `layers`: a slice of a Sequential's, found by names; in a functional model the names themselves, which may stand apart. */
function writeLayerList(code: Python, { layers, graph }: Chain, what: 'prefix' | 'range'): void {
  const names = layers.map(({ name }) => pythonString(name));
  const [first = '', last = ''] = [names[0], names.at(-1)];
  const starts = graph.layers.find(({ index }) => index.keras === 0)?.name === layers[0]?.name;
  if (graph.kind !== 'sequential' || names.length <= 4) {
    code.list('names = ', names);
    code.line('layers = [model.get_layer(name) for name in names]');
    return;
  }
  code.line('names = [layer.name for layer in model.layers]');
  const from = what === 'prefix' && starts ? '' : `names.index(${first}) `;
  code.line(`layers = model.layers[${from}: names.index(${last}) + 1]`);
}

function writeGuardedReturn(code: Python, { outputs }: TaskNames, variable: string): void {
  const [output] = outputs;
  if (output?.shape)
    code.call('expect_shape', [pythonString(output.address), `${variable}.outputs[0]`, shapeTuple(output.shape)]);
  code.line(`return ${variable}`);
}

function writeCompute(code: Python, task: CodeTask, names: TaskNames): void {
  code.import('numpy', 'np');
  code.function(
    {
      name: `compute_${names.title}`,
      parameters: ['part: keras.Sequential', ...arrayParameters(names)],
      returns: 'np.ndarray',
      doc: [describeInputs(names)],
    },
    () => {
      writeReset(code, task, 'part');
      code.call('return part.predict', [fed(names), 'verbose=0']);
    },
  );
}

export const iterateLayers: RecipeWriter = {
  whyNot: (task) => {
    const chain = chainOf(task);
    return 'why' in chain ? chain.why : null;
  },
  write: (task) => {
    const code = new Python();
    const names = taskNames(task);
    const chain = chainOf(task);
    if ('why' in chain) return code.snippet();
    code.import('numpy', 'np');
    code.importFrom('collections.abc', 'Iterator');
    writeLoader(code, task);
    code.function(
      {
        name: `walk_to_${names.title}`,
        parameters: ['model: keras.Model', ...arrayParameters(names)],
        returns: 'Iterator[tuple[str, np.ndarray]]',
        doc: ['Each layer and what it gives; to change a value on its way, change `values`.', describeInputs(names)],
      },
      () => {
        writeReset(code, task, 'model');
        writeLayerList(code, chain, 'range');
        code.line(`values = keras.ops.convert_to_tensor(${fed(names)}${inputDtype(task.plan.inputs[0])})`);
        code.block('for layer in layers:', () => {
          code.line('values = layer(values, training=False)');
          code.line('yield layer.name, keras.ops.convert_to_numpy(values)');
        });
      },
    );
    writePictureLoader(code, task);
    if (isStateful(task.model.graph)) writeResetHelper(code, task);
    return code.snippet();
  },
};

function inputDtype(input: InspectTensor | undefined): string {
  return `, dtype=${pythonString(input?.dtype ?? 'float32')}`;
}
