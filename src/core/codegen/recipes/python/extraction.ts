/** Sub-models on the tensors of the loaded model: by names, by indices, with named outputs, in one line, inside nested models. */
import { formatAddress, layersByName, type AddressPart } from '../../../model/address';
import type { Layer, LayerGraph } from '../../../model/layerGraph';
import type { CodeSnippet } from '../../codeSnippet';
import type { CodeTask } from '../../codeTask';
import { Python } from '../../languages/python';
import {
  describeInputs,
  describeTensor,
  fed,
  isStateful,
  ownOutputs,
  outputDict,
  taskNames,
  writeExtractor,
  writeLoader,
  writeReset,
  writeResetHelper,
  type ExtractorStyle,
  type TaskNames,
} from '../../languages/pythonModel';
import { PythonNames, pythonString } from '../../languages/pythonLiterals';
import { writePictureLoader } from '../../languages/pythonPictures';
import { PythonTensors } from '../../languages/pythonTensors';
import type { RecipeWriter } from '../../recipe';
import { outputsOf, whyNotExtracted, whyNotOnce } from './fits';

export const functionalByName: RecipeWriter = {
  whyNot: whyNotExtracted,
  write: (task) => writeExtraction(task),
};

export const functionalByIndex: RecipeWriter = {
  whyNot: (task) => whyNotExtracted(task) ?? whyNoIndex(task),
  write: (task) => writeExtraction(task, { lookup: 'index' }),
};

function whyNoIndex(task: CodeTask): string | null {
  for (const { address, path } of outputsOf(task)) {
    let graph: LayerGraph | null = task.model.graph;
    for (const { name } of path) {
      const layer: Layer | undefined = graph ? layersByName(graph).get(name) : undefined;
      if (layer?.index.keras === null) return `${address} has no index in Keras: it is not in model.layers`;
      graph = layer?.graph ?? null;
    }
  }
  return null;
}

export const nested: RecipeWriter = {
  whyNot: (task) =>
    whyNotExtracted(task) ??
    (outputsOf(task).some(({ path }) => path.length > 1) ? null : 'no output is inside a nested model'),
  write: (task) =>
    writeExtraction(task, {
      doc: [
        "A nested model's own tensors are not connected to the model's inputs: a part of it is called as the model calls it.",
      ],
    }),
};

function writeExtraction(task: CodeTask, style: ExtractorStyle = {}): CodeSnippet {
  const code = new Python();
  const names = taskNames(task);
  writeLoader(code, task);
  const { helpers } = writeExtractor(code, task, names, style);
  writeExtract(code, task, names);
  writePictureLoader(code, task);
  helpers();
  writeResetHelper(code, task);
  return code.snippet();
}

/** `extract_conv_2(extractor, image)` */
function writeExtract(code: Python, task: CodeTask, names: TaskNames): void {
  const several = names.outputs.length > 1;
  code.import('numpy', 'np');
  code.function(
    {
      name: `extract_${names.title}`,
      parameters: ['extractor: keras.Model', ...arrayParameters(names)],
      returns: several ? 'list[np.ndarray]' : 'np.ndarray',
      doc: [describeInputs(names)],
    },
    () => {
      writeReset(code, task, 'extractor');
      code.call('return extractor.predict', [fed(names), 'verbose=0']);
    },
  );
}

export function arrayParameters({ inputs }: TaskNames): string[] {
  return inputs.map(({ name }) => `${name}: np.ndarray`);
}

export const multiOutput: RecipeWriter = {
  whyNot: (task) => (task.plan.outputs.length < 2 ? 'the cut has one output only' : whyNotExtracted(task)),
  write: (task) => {
    const code = new Python();
    const names = taskNames(task);
    writeLoader(code, task);
    const result = `${names.classTitle}Features`;
    writeTuple(code, result, names);
    const { helpers } = writeExtractor(code, task, names, {
      finish: (inputs) => code.call('return keras.Model', [inputs, outputDict(names)]),
    });
    writeExtractTuple(code, task, names, result);
    writePictureLoader(code, task);
    helpers();
    writeResetHelper(code, task);
    return code.snippet();
  },
};

function writeTuple(code: Python, name: string, names: TaskNames): void {
  code.importFrom('typing', 'NamedTuple');
  code.import('numpy', 'np');
  code.class(`${name}(NamedTuple)`, [], () => {
    for (const output of names.outputs) code.line(`${output.name}: np.ndarray  # ${describeTensor(output)}`);
  });
}

function writeExtractTuple(code: Python, task: CodeTask, names: TaskNames, result: string): void {
  code.function(
    {
      name: `extract_${names.title}`,
      parameters: ['extractor: keras.Model', ...arrayParameters(names)],
      returns: result,
      doc: [describeInputs(names)],
    },
    () => {
      writeReset(code, task, 'extractor');
      code.call(`return ${result}(**extractor.predict`, [fed(names), 'verbose=0'], '))');
    },
  );
}

export const oneLiner: RecipeWriter = {
  whyNot: (task) => whyNotExtracted(task) ?? whyNotOneLine(task),
  write: (task) => {
    const code = new Python();
    const names = taskNames(task);
    code.import('keras');
    code.import('numpy', 'np');
    writeLoader(code, task);
    const tensors = new PythonTensors(code, { variable: 'model', graph: task.model.graph }, new PythonNames());
    code.function(
      {
        name: `${names.title}_of`,
        parameters: ['model: keras.Model', ...arrayParameters(names)],
        returns: names.outputs.length > 1 ? 'list[np.ndarray]' : 'np.ndarray',
        doc: [describeInputs(names), 'What K.function was for: Keras 3 has none.'],
      },
      () => {
        const expressions = names.outputs.map(({ address }) => tensors.expression(address));
        const outputs = expressions.length === 1 ? expressions.join('') : `[${expressions.join(', ')}]`;
        const inputs = tensors.inputs(names.inputs.map(({ address }) => address));
        const head = `return keras.Model(${inputs}, ${outputs}).predict`;
        if (head.length < 80) code.call(head, [fed(names), 'verbose=0']);
        else {
          code.call('part = keras.Model', [inputs, outputs]);
          code.call('return part.predict', [fed(names), 'verbose=0']);
        }
      },
    );
    writePictureLoader(code, task);
    tensors.helpers();
    return code.snippet();
  },
};

function whyNotOneLine(task: CodeTask): string | null {
  if (isStateful(task.model.graph)) return 'its stateful layers have to be reset first, which takes more than one line';
  const long = outputsOf(task).find(
    ({ path, call, layer }) => path.length > 1 || call > 0 || (layer.graph !== null && !isOnlyOutput(task, path)),
  );
  return long ? `${long.address} takes more than one line: functional-by-name does it` : null;
}

function isOnlyOutput({ model }: CodeTask, path: readonly AddressPart[]): boolean {
  const [only, ...others] = model.graph.outputs;
  return others.length === 0 && path.length === 1 && only?.layer === path[0]?.name && only?.call === path[0]?.call;
}

export const identityTap: RecipeWriter = {
  whyNot: (task) =>
    task.plan.outputs.every(({ address }) => ownOutputs(task).includes(address))
      ? 'the cut has only what the model hands out already'
      : (whyNotExtracted(task) ?? whyNotOnce(task)),
  write: (task) => {
    const code = new Python();
    const names = taskNames({ ...task, plan: { ...task.plan, inputs: modelInputs(task) } });
    const taps = names.outputs.map(({ address }) => address).join(', ');
    const several = names.outputs.length > 1;
    code.import('numpy', 'np');
    writeLoader(code, task);
    const { helpers } = writeExtractor(code, task, names, {
      name: `add_${names.title}_output`,
      summary: `The model with ${taps} as ${several ? 'further outputs' : 'a further output'}.`,
      doc: ['The layers are those of the model. To train it, compile it with a loss for the own outputs only.'],
      finish: (inputs) => {
        // an Identity gives the output a name of its own
        for (const { name } of names.outputs)
          code.call(`${name} = keras.layers.Identity(name=${pythonString(freeName(task, `${name}_tap`))})`, [name]);
        code.call('return keras.Model', [
          inputs,
          `[*model.outputs, ${names.outputs.map(({ name }) => name).join(', ')}]`,
        ]);
      },
    });
    code.function(
      {
        name: `predict_with_${names.title}`,
        parameters: ['tapped: keras.Model', ...arrayParameters(names)],
        returns: 'list[np.ndarray]',
        doc: [`What the model predicts, then ${taps}.`, describeInputs(names)],
      },
      () => {
        writeReset(code, task, 'tapped');
        code.call('return tapped.predict', [fed(names), 'verbose=0']);
      },
    );
    writePictureLoader(code, task);
    helpers();
    writeResetHelper(code, task);
    return code.snippet();
  },
};

/** All inputs of the model, for what needs its own outputs, too. */
export function modelInputs({ model }: CodeTask): CodeTask['plan']['inputs'] {
  return model.graph.inputs.map(({ layer, call, output, name }) => {
    const info = layersByName(model.graph).get(layer)?.calls[call]?.outputs[output];
    const address = formatAddress([{ name: layer, call }], output);
    return { name, address, shape: info?.shape ?? null, dtype: info?.dtype ?? null };
  });
}

/** A name that no layer of the model has. */
function freeName({ model }: CodeTask, name: string): string {
  const taken = layersByName(model.graph);
  let free = name;
  for (let i = 2; taken.has(free); i += 1) free = `${name}_${i}`;
  return free;
}
