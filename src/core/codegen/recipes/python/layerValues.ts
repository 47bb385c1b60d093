/** What single layers give: before and after a BatchNorm, and the attribute of a custom layer. */
import { formatAddress } from '../../../model/address';
import type { Layer, LayerGraph } from '../../../model/layerGraph';
import { planCut } from '../../../slicing/sliceModel';
import type { CodeTask } from '../../codeTask';
import { isCustomLayer } from '../../../layers/innerTensors';
import { Python } from '../../languages/python';
import { classCase, PythonNames, snakeCase } from '../../languages/pythonLiterals';
import {
  describeInputs,
  describeTensor,
  fed,
  outputDict,
  taskNames,
  writeExtractor,
  writeLoader,
  writeReset,
  writeResetHelper,
} from '../../languages/pythonModel';
import { writePictureLoader } from '../../languages/pythonPictures';
import { PythonTensors } from '../../languages/pythonTensors';
import type { RecipeWriter } from '../../recipe';
import { arrayParameters, modelInputs } from './extraction';
import { outputsOf, whyNotExtracted } from './fits';

/** The addresses of what a BatchNorm reads and gives. */
export interface AroundNorm {
  name: string;
  before: string;
  after: string;
}

/** The BatchNorm that is the output, or that reads it; the reason where there is none. */
export function aroundNorm(task: CodeTask): AroundNorm | { why: string } {
  const why = whyNotExtracted(task);
  if (why !== null) return { why };
  const [output, ...others] = outputsOf(task);
  if (!output || others.length > 0) return { why: 'it takes one output' };
  const { layer, graph, path, call } = output;
  const around = path.slice(0, -1);
  const address = (name: string, index: number, tensor = 0): string =>
    formatAddress([...around, { name, call: index }], tensor);
  const norm = isNorm(layer) ? { layer, call } : readerOf(graph, layer, call);
  const read = norm?.layer.calls[norm.call]?.inputs[0];
  if (!norm || !read) return { why: `${output.address} is no BatchNormalization, and none reads it` };
  return {
    name: norm.layer.name,
    before: address(read.layer, read.call, read.output),
    after: address(norm.layer.name, norm.call),
  };
}

function isNorm({ className }: Layer): boolean {
  return className === 'BatchNormalization' || className === 'SyncBatchNormalization';
}

function readerOf(graph: LayerGraph, of: Layer, call: number): { layer: Layer; call: number } | null {
  for (const layer of graph.layers) {
    if (!isNorm(layer)) continue;
    const at = layer.calls.findIndex(({ inputs }) => inputs[0]?.layer === of.name && inputs[0].call === call);
    if (at >= 0) return { layer, call: at };
  }
  return null;
}

export const beforeAfterBatchNorm: RecipeWriter = {
  whyNot: (task) => {
    const around = aroundNorm(task);
    return 'why' in around ? around.why : null;
  },
  write: (task) => {
    const code = new Python();
    const around = aroundNorm(task);
    if ('why' in around) return code.snippet();
    const plan = planCut(task.model, { outputs: [around.before, around.after], inputs: [] });
    const found = taskNames({ ...task, plan });
    const outputs = found.outputs.map((output, i) => ({ ...output, name: i === 0 ? 'before' : 'after' }));
    const title = snakeCase(around.name, 'norm');
    const names = { ...found, outputs, title, classTitle: classCase(around.name, 'Norm') };
    const result = `${names.classTitle}Values`;
    code.importFrom('typing', 'NamedTuple');
    code.import('numpy', 'np');
    writeLoader(code, task);
    code.class(`${result}(NamedTuple)`, [], () => {
      for (const output of outputs)
        code.line(
          `${output.name}: np.ndarray  # ${output.address.replace(/[^\x20-\x7e]/g, '?')}: ${describeTensor(output)}`,
        );
    });
    const { helpers } = writeExtractor(code, task, names, {
      finish: (inputs) => code.call('return keras.Model', [inputs, outputDict(names)]),
    });
    code.function(
      {
        name: `compare_${title}`,
        parameters: ['extractor: keras.Model', ...arrayParameters(names)],
        returns: result,
        doc: ['`predict` normalizes with the moving statistics, as in use.', describeInputs(names)],
      },
      () => {
        writeReset(code, task, 'extractor');
        code.call(`return ${result}(**extractor.predict`, [fed(names), 'verbose=0'], '))');
      },
    );
    writePictureLoader(code, task);
    helpers();
    writeResetHelper(code, task);
    return code.snippet();
  },
};

export const layerAttribute: RecipeWriter = {
  whyNot: (task) => {
    const why = whyNotExtracted(task);
    if (why !== null) return why;
    const [output, ...others] = outputsOf(task);
    if (!output || others.length > 0) return 'it takes one output';
    const { layer, address } = output;
    return isCustomLayer(layer) ? null : `${address} is a ${layer.className} of Keras, not a class of your own`;
  },
  write: (task) => {
    const code = new Python();
    const [output] = outputsOf(task);
    const names = taskNames({ ...task, plan: { ...task.plan, inputs: modelInputs(task) } });
    if (!output) return code.snippet();
    code.import('keras');
    code.import('numpy', 'np');
    writeLoader(code, task);
    const tensors = new PythonTensors(code, { variable: 'model', graph: task.model.graph }, new PythonNames());
    code.function(
      {
        name: `read_${names.title}`,
        parameters: ['model: keras.Model', ...arrayParameters(names), 'attribute: str = "feature_output"'],
        returns: 'np.ndarray',
        doc: [
          `What ${output.address} keeps in an attribute while it is called.`,
          'The model is called, not `predict`: that runs compiled code, which leaves no values in attributes.',
          describeInputs(names),
        ],
      },
      () => {
        writeReset(code, task, 'model');
        const layer = tensors.layerAt(output.path);
        code.line(`layer = ${layer}`);
        code.line(`model(${fed(names)}, training=False)`);
        code.line('values = getattr(layer, attribute, None)');
        code.block('if values is None:', () =>
          code.line('raise ValueError(f"Layer {layer.name} kept nothing in {attribute}.")'),
        );
        code.line('return keras.ops.convert_to_numpy(values)');
      },
    );
    writePictureLoader(code, task);
    writeResetHelper(code, task);
    return code.snippet();
  },
};
