/** What the recipes in Python share: loading the model, naming its tensors, guards on their shapes. */
import { formatAddress } from '../../model/address';
import type { DType, LayerGraph, Shape } from '../../model/layerGraph';
import { walkLayers } from '../../model/traversal';
import { weightFiles } from '../../model/weightFiles';
import { planCut } from '../../slicing/sliceModel';
import type { CodeTask } from '../codeTask';
import { customClasses } from '../customLayers';
import { isPictureShape } from '../literals';
import { isOwnInput, lastName, shellWord } from '../savedSlice';
import type { Paragraph, Python } from './python';
import { PythonNames, classCase, pythonString, shapeTuple, snakeCase } from './pythonLiterals';
import { PythonTensors, type LayerLookup } from './pythonTensors';

/** A tensor of the plan and its name in the code. */
export interface NamedTensorInCode {
  name: string;
  address: string;
  shape: Shape | null;
  dtype: DType | null;
}

/** Names for a task's tensors, and for the functions around them. */
export interface TaskNames {
  inputs: NamedTensorInCode[];
  outputs: NamedTensorInCode[];
  /** `conv_2`, or the model's name where there are several outputs. */
  title: string;
  /** The same as a class begins: `Conv2`. */
  classTitle: string;
}

export function taskNames({ plan, model }: CodeTask): TaskNames {
  const names = new PythonNames();
  const outputs = plan.outputs.map(({ address, shape, dtype }) => ({
    name: names.take(tensorName(address), 'output'),
    address,
    shape,
    dtype,
  }));
  const inputNames = new PythonNames(outputs.map(({ name }) => name));
  const single = plan.inputs.length === 1;
  const inputs = plan.inputs.map(({ name, address, shape, dtype }) => ({
    name: inputNames.take(single ? simpleInputName(shape, dtype) : name, 'values'),
    address,
    shape,
    dtype,
  }));
  const [only] = outputs;
  const titleOf = outputs.length === 1 && only ? tensorName(only.address) : model.graph.name;
  return { inputs, outputs, title: snakeCase(titleOf, 'model'), classTitle: classCase(titleOf, 'Model') };
}

/** What stands in a single input is told by its shape better than by `input_1`. */
function simpleInputName(shape: Shape | null, dtype: DType | null): string {
  if (isPictureShape(shape)) return 'image';
  return dtype?.startsWith('int') && shape?.length === 2 ? 'tokens' : 'batch_of_inputs';
}

/** `outer/inner/conv#2:1` → `conv`; `tower#2/conv` → `conv`. */
function tensorName(address: string): string {
  return lastName(address.replace(/(?<!\\)[#:@][^/]*$/su, ''));
}

/** `float32 (None, 28, 28, 1)` */
export function describeTensor({ shape, dtype }: { shape: Shape | null; dtype: DType | null }): string {
  return `${dtype ?? 'float32'} ${shape ? shapeTuple(shape) : 'of any shape'}`;
}

/** `image: float32 (None, 28, 28, 1)`, for docstrings. */
export function describeInputs({ inputs }: TaskNames): string {
  return `${inputs.map((input) => `${input.name}: ${describeTensor(input)}`).join('; ')}.`;
}

/** What a function hands to the model: one array, or a list of them. */
export function fed({ inputs }: TaskNames): string {
  const names = inputs.map(({ name }) => name);
  return names.length === 1 ? names.join('') : `[${names.join(', ')}]`;
}

// --- the file ---

/** The function that loads the model, with what there is to know of its file. */
export function writeLoader(code: Python, task: CodeTask): void {
  const { model } = task;
  const isLambda = walkLayers(model.graph).some(({ layer }) => layer.className === 'Lambda');
  const doc: Paragraph[] = [`Loads ${model.graph.name}.`, ...fileNotes(task), ...classNotes(task)];
  if (isLambda) doc.push(LAMBDA_NOTE);
  code.import('keras');
  if (model.format === 'weights-h5') return writeTwoFileLoader(code, task, doc, isLambda);
  const parameters = [`path: str = ${pythonString(kerasPath(task))}`, ...(isLambda ? ['trusted: bool = False'] : [])];
  code.function({ name: `load_${modelTitle(task)}`, parameters, returns: 'keras.Model', doc }, () =>
    code.call('return keras.models.load_model', [
      'path',
      'compile=False',
      ...(isLambda ? ['safe_mode=not trusted'] : []),
    ]),
  );
}

/** Weights beside a configuration: Keras reads one, then the other. */
function writeTwoFileLoader(code: Python, task: CodeTask, doc: Paragraph[], isLambda: boolean): void {
  const folder = task.modelPath.replace(/^\.\//, '').replace(/[^/\\]*$/, '');
  const parameters = [
    `config: str = ${pythonString(`${folder}${task.model.file}`)}`,
    `weights: str = ${pythonString(`${folder}${weightsName(task)}`)}`,
    ...(isLambda ? ['trusted: bool = False'] : []),
  ];
  code.function({ name: `load_${modelTitle(task)}`, parameters, returns: 'keras.Model', doc }, () => {
    if (isLambda) code.block('if trusted:', () => code.line('keras.config.enable_unsafe_deserialization()'));
    code.block('with open(config, encoding="utf-8") as file:', () =>
      code.line('model = keras.models.model_from_json(file.read())'),
    );
    code.line('model.load_weights(weights)');
    code.line('return model');
  });
}

/** One file, or the index of several: `x_00000.weights.h5` stands in `x.weights.json`. */
function weightsName({ model }: CodeTask): string {
  const [first = 'model.weights.h5', ...others] = weightFiles(model);
  const shard = /^(.*)_\d{5}\.weights\.h5$/.exec(first);
  return shard && others.length > 0 ? `${shard[1] ?? ''}.weights.json` : first;
}

export function modelTitle({ model }: CodeTask): string {
  return snakeCase(model.graph.name, 'model');
}

/** The Keras file: the model file itself, or for a TensorFlow.js model the one beside it. */
function kerasPath({ model, modelPath }: CodeTask): string {
  const plain = modelPath.replace(/^\.\//, '');
  if (model.format !== 'layers-model') return plain;
  return plain.replace(/\.json$/i, '').concat('.keras');
}

/** For a model.json: which file Python needs, and how to get one. */
function fileNotes(task: CodeTask): Paragraph[] {
  const { model, modelPath } = task;
  if (model.format !== 'layers-model') return [];
  const needed = `Python needs a Keras file: the one that ${model.file} was converted from`;
  const [lack] = planCut(model, { outputs: [], inputs: [] }, 'keras-v3').notExportable;
  if (lack) return [`${needed}.`];
  return [
    `${needed}, or what this makes of it:`,
    { verbatim: [`model-slicer slice ${shellWord(modelPath)} --to ${shellWord(kerasPath(task))}`] },
  ];
}

export const LAMBDA_NOTE = 'It has Lambda layers: code of its author, which Keras runs only where `trusted` says so.';

/** What has to be there before Keras can load the model. */
function classNotes({ model }: CodeTask): Paragraph[] {
  const custom = customClasses(model.graph).map((name) => name.slice(name.lastIndexOf('>') + 1));
  if (custom.length === 0) return [];
  return [`${custom.join(', ')}: classes of your own. Import the module that registers them first.`];
}

/**
 * The first model inside a functional model, wherever: Keras 2 counts its calls from 1, Keras 3 reads that as a call
 * that is not there (`deserialize_node`, 3.15). In a Sequential nothing is counted.
 */
export function modelInside(graph: LayerGraph): string | null {
  const [found] = walkLayers(graph).filter(
    ({ layer, graph: around }) => layer.graph !== null && around.kind !== 'sequential',
  );
  return found?.address ?? null;
}

// --- the sub-model ---

export interface ExtractorStyle {
  /** Default: `make_conv_2_extractor`. */
  name?: string;
  summary?: string;
  doc?: Paragraph[];
  lookup?: LayerLookup;
  /** The lines after each output is in a variable of its name; default: `return keras.Model(inputs, outputs)`. */
  finish?: (inputs: string) => void;
}

export interface WrittenExtractor {
  name: string;
  /** Writes the functions that it calls. */
  helpers(): void;
}

/** `make_conv_2_extractor(model)`: the sub-model that shares its weights with the loaded one. */
export function writeExtractor(
  code: Python,
  task: CodeTask,
  names: TaskNames,
  { name = `make_${names.title}_extractor`, summary, doc = [], lookup, finish }: ExtractorStyle = {},
): WrittenExtractor {
  const what = names.outputs.map(({ address }) => address).join(', ');
  let tensors: PythonTensors | null = null;
  code.import('keras');
  code.function(
    {
      name,
      parameters: ['model: keras.Model'],
      returns: 'keras.Model',
      doc: [summary ?? `Computes ${what}; the weights are those of the model.`, ...doc],
    },
    () => {
      tensors = writeOutputs(code, task, names, lookup);
      const inputs = tensors.inputs(names.inputs.map(({ address }) => address));
      if (finish) finish(inputs);
      else code.call('return keras.Model', [inputs, outputStructure(names)]);
    },
  );
  return {
    name,
    helpers: () => {
      if (names.outputs.some(({ shape }) => shape !== null)) writeShapeGuard(code);
      tensors?.helpers();
    },
  };
}

/** Lines that leave each output, its shape checked, in a variable of its name. */
export function writeOutputs(
  code: Python,
  task: CodeTask,
  names: TaskNames,
  lookup: LayerLookup = 'name',
): PythonTensors {
  const taken = new PythonNames(names.outputs.map(({ name }) => name));
  const tensors = new PythonTensors(code, { variable: 'model', graph: task.model.graph }, taken, lookup);
  for (const output of names.outputs) writeGuarded(code, output, tensors.expression(output.address));
  return tensors;
}

export function writeGuarded(code: Python, { name, address, shape }: NamedTensorInCode, expression: string): void {
  if (shape === null) code.line(`${name} = ${expression}`);
  else code.call(`${name} = expect_shape`, [pythonString(address), expression, shapeTuple(shape)]);
}

/** `{"conv_2": conv_2}` */
export function outputDict({ outputs }: TaskNames): string {
  return `{${outputs.map(({ name }) => `"${name}": ${name}`).join(', ')}}`;
}

export function outputStructure({ outputs }: TaskNames): string {
  const listed = outputs.map(({ name }) => name);
  return listed.length === 1 ? listed.join('') : `[${listed.join(', ')}]`;
}

export function writeShapeGuard(code: Python): void {
  code.function(
    {
      name: 'expect_shape',
      parameters: ['layer: str', 'tensor: keras.KerasTensor', 'shape: tuple[int | None, ...]'],
      returns: 'keras.KerasTensor',
      doc: [],
    },
    () => {
      code.block('if tuple(tensor.shape) != shape:', () =>
        code.line('raise ValueError(f"Layer {layer} should give {shape}, not {tensor.shape}.")'),
      );
      code.line('return tensor');
    },
  );
}

/** Lines that reset what stateful layers keep, where the model has any. */
export function writeReset(code: Python, { model }: CodeTask, variable: string): void {
  if (isStateful(model.graph)) code.line(`reset_states(${variable})`);
}

export function writeResetHelper(code: Python, { model }: CodeTask): void {
  if (!isStateful(model.graph)) return;
  code.function(
    {
      name: 'reset_states',
      parameters: ['model: keras.Model'],
      returns: 'None',
      doc: ['Stateful layers would go on where the last call ended.'],
    },
    () =>
      code.block('for layer in model.layers:', () => {
        code.block('if isinstance(layer, keras.Model):', () => code.line('reset_states(layer)'));
        code.block('elif getattr(layer, "stateful", False):', () => code.line('layer.reset_state()'));
      }),
  );
}

/** Whether a layer keeps its state from one call to the next. */
export function isStateful(graph: LayerGraph): boolean {
  return walkLayers(graph).some(({ layer }) => layer.config.stateful === true);
}

/** `keras.Input(...)` for a tensor of this shape. */
export function inputCall(tensor: { shape: Shape | null; dtype: DType | null }, name?: string): string {
  const [batch, ...rest] = tensor.shape ?? [];
  const shape = typeof batch === 'number' ? `batch_shape=${shapeTuple(tensor.shape ?? [])}` : shapeTuple(rest);
  const dtype = tensor.dtype !== null && tensor.dtype !== 'float32' ? `, dtype=${pythonString(tensor.dtype)}` : '';
  return `keras.Input(${shape}${dtype}${name === undefined ? '' : `, name=${pythonString(name)}`})`;
}

/** Addresses of what the model hands out. */
export function ownOutputs({ model }: CodeTask): string[] {
  return model.graph.outputs.map(({ layer, call, output }) => formatAddress([{ name: layer, call }], output));
}

/** Whether the cut is the whole model: its own outputs, from its own inputs. */
export function isWhole(task: CodeTask): boolean {
  const { plan } = task;
  const own = ownOutputs(task);
  const asked = plan.outputs.map(({ address }) => address);
  return own.length === asked.length && own.every((address, i) => address === asked[i]) && !startsInside(task);
}

/** Whether the cut supplies a tensor from inside the model. */
export function startsInside(task: CodeTask): boolean {
  return task.plan.inputs.some(({ address }) => !isOwnInput(task, address));
}
