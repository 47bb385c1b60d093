/** What all recipes in TypeScript share: loading, picking tensors, guards on their shapes. */
import CodeBlockWriter from 'code-block-writer';
import { resolveAddress } from '../../model/address';
import type { LayerGraph } from '../../model/layerGraph';
import type { ModelFile } from '../../model/modelFile';
import type { SlicePlan } from '../../slicing/slice';
import type { CodeSnippet, SnippetImport } from '../codeSnippet';
import { camelCase, commentText, Identifiers, pascalCase, shapeLiteral, stringLiteral } from '../literals';
import { TensorPicker } from './tensorPicker';

/** How the same code is written once more. */
export interface Style {
  typed: boolean;
  exported: boolean;
}

/** Everything that a recipe knows. */
export interface CodeTask {
  model: ModelFile;
  plan: SlicePlan;
  /** As the code will say it. */
  modelPath: string;
  /** Why plain TF.js cannot load the file itself: then the code loads a saved slice. */
  fileProblem: string | null;
}

/** A tensor that the code gets hold of, and its name there. */
export interface NamedOutput {
  name: string;
  address: string;
  shape: readonly (number | null)[] | null;
}

const IMPORTS: SnippetImport[] = [{ module: '@tensorflow/tfjs', names: [], namespace: 'tf' }];

/** Writes the code in each of its forms. */
export function snippet(write: (code: TypeScript) => void): CodeSnippet {
  const render = (style: Style): string => {
    const code = new TypeScript(style);
    write(code);
    return `${code.toString().trimEnd()}\n`;
  };
  return {
    imports: IMPORTS.map((item) => ({ ...item, names: [...item.names] })),
    body: render({ typed: true, exported: false }),
    untyped: render({ typed: false, exported: false }),
    text: `import * as tf from '@tensorflow/tfjs';\n\n${render({ typed: true, exported: true })}`,
  };
}

export class TypeScript {
  private readonly writer = new CodeBlockWriter({ indentNumberOfSpaces: 2, newLine: '\n' });

  constructor(private readonly style: Style) {}

  toString(): string {
    return this.writer.toString();
  }

  /** `: type`, where types are written. */
  type(text: string): string {
    return this.style.typed ? `: ${text}` : '';
  }

  /** ` as type`, where types are written. */
  cast(text: string): string {
    return this.style.typed ? ` as ${text}` : '';
  }

  line(text: string): void {
    this.writer.writeLine(text);
  }

  blank(): void {
    this.writer.blankLine();
  }

  /** A function with its comment. */
  function(
    comment: readonly string[],
    signature: string,
    body: () => void,
    { exported = true, async = false } = {},
  ): void {
    if (comment.length === 1) this.line(`/** ${commentText(comment[0] ?? '')} */`);
    else if (comment.length > 1) {
      this.line('/**');
      for (const text of comment) this.line(` * ${commentText(text)}`);
      this.line(' */');
    }
    this.writer
      .write(`${exported && this.style.exported ? 'export ' : ''}${async ? 'async ' : ''}function ${signature} `)
      .block(body);
  }
}

/** Names for the plan's outputs, and for the functions around them. */
export function outputNames(plan: SlicePlan, model: ModelFile): { outputs: NamedOutput[]; title: string } {
  const names = new Identifiers();
  const outputs = plan.outputs.map(({ address, shape }) => ({
    name: names.take(lastName(address), 'output'),
    address,
    shape,
  }));
  const [only] = outputs;
  const title =
    outputs.length === 1 && only ? pascalCase(lastName(only.address), 'Output') : pascalCase(model.graph.name, 'Model');
  return { outputs, title };
}

export function inputNames(plan: SlicePlan): NamedOutput[] {
  const names = new Identifiers();
  const single = plan.inputs.length === 1;
  return plan.inputs.map(({ name, address, shape }) => ({
    name: names.take(single ? simpleInputName(shape) : name, 'values'),
    address,
    shape,
  }));
}

/** What stands in a single input is told by its shape better than by `input_1`. */
function simpleInputName(shape: readonly (number | null)[] | null): string {
  const channels = shape?.at(-1);
  return shape?.length === 4 && (channels === 1 || channels === 3 || channels === 4) ? 'image' : 'batch';
}

/** `outer/inner/conv#2:1` → `conv`; `tower#2/conv` → `conv`. */
function lastName(address: string): string {
  const last = (address.match(/(?:\\.|[^\\/])+/gsu) ?? [address]).at(-1) ?? address;
  return last.replace(/\\(.)/gsu, '$1');
}

/** The lines that load the model and leave each output in a constant of its name. */
export function writeExtraction(code: TypeScript, task: CodeTask, outputs: readonly NamedOutput[]): void {
  const { model, fileProblem, plan } = task;
  if (fileProblem !== null) {
    code.line('const extractor = await tf.loadLayersModel(source);');
    outputs.forEach(({ address, shape }, i) => {
      if (shape) code.line(`expectShape(${stringLiteral(address)}, extractor.outputs[${i}], ${shapeLiteral(shape)});`);
    });
    code.line('return extractor;');
    return;
  }
  code.line('const model = await tf.loadLayersModel(source);');
  const picker = new TensorPicker(
    code,
    model.graph,
    outputs.map(({ name }) => name),
  );
  const needed = plan.inputs.map(({ address }) => address);
  const own = model.graph.inputs.map(({ layer }) => resolveAddress(model.graph, layer).address);
  const inputs =
    needed.length === own.length
      ? 'model.inputs'
      : `[${needed.map((address) => picker.expression(address)).join(', ')}]`;
  for (const { name, address, shape } of outputs) {
    const expression = picker.expression(address);
    if (shape)
      code.line(`const ${name} = expectShape(${stringLiteral(address)}, ${expression}, ${shapeLiteral(shape)});`);
    else code.line(`const ${name} = ${expression};`);
  }
  const listed = outputs.length === 1 ? (outputs[0]?.name ?? '') : `[${outputs.map(({ name }) => name).join(', ')}]`;
  const pair = outputs.length === 1 && listed === 'outputs' ? 'outputs' : `outputs: ${listed}`;
  code.line(`return tf.model({ inputs: ${inputs}, ${pair} });`);
}

/** Where the model comes from, and its default. */
export function sourceParameter(code: TypeScript, task: CodeTask): string {
  const file = task.fileProblem === null ? task.modelPath : savedSlicePath(task);
  return `source${code.type('string | tf.io.IOHandler')} = ${stringLiteral(file)}`;
}

/** Beside the model file, in a folder of its own. */
function savedSlicePath({ modelPath, plan, model }: CodeTask): string {
  const slash = modelPath.lastIndexOf('/');
  return `${modelPath.slice(0, slash + 1)}${savedSliceFolder(plan, model)}/model.json`;
}

function savedSliceFolder(plan: SlicePlan, model: ModelFile): string {
  const [only] = plan.outputs;
  const name = plan.outputs.length === 1 && only ? lastName(only.address) : model.graph.name;
  return `${camelCase(name, 'model')}-slice`;
}

/** Why and how the model has to be saved first; nothing where TF.js loads the file itself. */
export function savedSliceComment(task: CodeTask): string[] {
  if (task.fileProblem === null) return [];
  const { model, plan } = task;
  const outputs = plan.outputs.map(({ address }) => ` --output ${shellWord(address)}`).join('');
  return [
    `TF.js cannot use ${model.file} itself: ${task.fileProblem}. It loads what this saves:`,
    `model-slicer slice ${shellWord(model.file)}${outputs} --to ${savedSliceFolder(plan, model)}`,
  ];
}

function shellWord(text: string): string {
  return /^[\w./:@#-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`;
}

/** The helpers that the extraction calls. */
export function writeHelpers(code: TypeScript, task: CodeTask, outputs: readonly NamedOutput[]): void {
  if (outputs.some(({ shape }) => shape !== null)) {
    code.blank();
    const parameters = `layer${code.type('string')}, tensor${code.type('tf.SymbolicTensor | undefined')}, shape${code.type('(number | null)[]')}`;
    code.function(
      [],
      `expectShape(${parameters})${code.type('tf.SymbolicTensor')}`,
      () => {
        code.line('if (!tensor || JSON.stringify(tensor.shape) !== JSON.stringify(shape)) {');
        code.line(
          '  throw new Error(`Layer ${layer} should give ${JSON.stringify(shape)}, not ${JSON.stringify(tensor?.shape)}.`);',
        );
        code.line('}');
        code.line('return tensor;');
      },
      { exported: false },
    );
  }
  if (
    task.fileProblem === null &&
    outputs.some(({ address }) => resolveAddress(task.model.graph, address).path.length > 1)
  ) {
    code.blank();
    code.function(
      ['The tensors that the model around hands to a nested model; call 0 is its own construction.'],
      `inputsOf(nested${code.type('tf.LayersModel')}, call${code.type('number')})${code.type('tf.SymbolicTensor[]')}`,
      () => {
        code.line('const node = nested.inboundNodes[call];');
        code.line('if (!node) throw new Error(`${nested.name} has no call ${call}.`);');
        code.line('return node.inputTensors;');
      },
      { exported: false },
    );
  }
}

/** `float32 [null, 28, 28, 1]`, for comments. */
export function describeInputs(plan: SlicePlan): string {
  return plan.inputs
    .map(({ name, dtype, shape }) => `${name}: ${dtype ?? 'float32'} ${shape ? shapeLiteral(shape) : 'of any shape'}`)
    .join('; ');
}

/** Whether a layer keeps its state from one call to the next. */
export function isStateful(graph: LayerGraph): boolean {
  const open = [graph];
  for (let next = open.pop(); next; next = open.pop()) {
    for (const layer of next.layers) {
      if (layer.config.stateful === true) return true;
      if (layer.graph) open.push(layer.graph);
    }
  }
  return false;
}
