/** A file to begin with for a class that TF.js lacks: everything that the model's file says of it, but for what it computes. */
import { SlicerError } from '../errors';
import { isCustomLayer } from '../layers/innerTensors';
import { resolveAddress } from '../model/address';
import type { Layer } from '../model/layerGraph';
import type { ModelFile } from '../model/modelFile';
import { walkLayers } from '../model/traversal';
import { TypeScript } from './languages/typescript';
import { commentText, pascalCase, shapeLiteral, stringLiteral } from './literals';
import { configMembers, memberAccess, type ConfigMember } from './stubConfig';
import { stubWeights, writeBuild, writeWeightFields, type StubLayer, type StubWeights } from './stubWeights';

/** `mjs` and `cjs`: JavaScript as an ES module, and as a CommonJS module. */
export type StubLanguage = 'typescript' | 'mjs' | 'cjs';

export interface StubFile {
  /** As `tf.serialization.registerClass` is to know it. */
  className: string;
  /** Its name in the code, and a good one for the file. */
  identifier: string;
  /** Canonical addresses of the layers that it is for. */
  layers: string[];
  text: string;
}

/** Whether a class of the user's own can take the place of the layer's. */
export function needsStub(layer: Layer): boolean {
  return isCustomLayer(layer) || (layer.isLayer && layer.className === 'Lambda');
}

/** @throws SlicerError `unknown-address`; `usage` for a layer whose class is no class of the user's own. */
export function customLayerStub(model: ModelFile, address: string, language: StubLanguage): StubFile {
  const { layer } = resolveAddress(model.graph, address);
  if (!needsStub(layer)) throw new SlicerError('usage', { reason: 'stub', address, class: layer.className });
  const isLambda = layer.className === 'Lambda';
  const layers = walkLayers(model.graph).flatMap((walked): StubLayer[] => {
    const same = walked.layer.className === layer.className && (!isLambda || walked.layer.name === layer.name);
    if (!same || !needsStub(walked.layer)) return [];
    const inputs = (walked.layer.calls[0]?.inputs ?? []).map((ref) => {
      const from = walked.graph.layers.find(({ name }) => name === ref.layer);
      return from?.calls[ref.call]?.outputs[ref.output]?.shape ?? null;
    });
    return [{ address: walked.address, layer: walked.layer, inputs }];
  });
  const className = isLambda ? `Lambda:${layer.name}` : layer.className;
  const bare = className.slice(className.lastIndexOf('>') + 1);
  const identifier = identifierOf(bare);
  const code = new TypeScript({ typed: language === 'typescript', exported: false });
  new StubWriter(code, model.file, { className, identifier, layers, language }).write();
  return {
    className,
    identifier,
    layers: layers.map((one) => one.address),
    text: `${code.toString().trimEnd()}\n`,
  };
}

/** What the code itself, and the types in it, are called. */
const TAKEN = new Set(['Tfjs', 'LayerArgs', 'Shape', 'Tensor', 'Map', 'Error', 'String', 'Array', 'Object', 'Record']);

function identifierOf(name: string): string {
  const pascal = pascalCase(name, 'OwnLayer');
  return TAKEN.has(pascal) ? `${pascal}Layer` : pascal;
}

interface Stub {
  className: string;
  identifier: string;
  layers: readonly StubLayer[];
  language: StubLanguage;
}

class StubWriter {
  private readonly members: readonly ConfigMember[];
  private readonly configType: string;

  constructor(
    private readonly code: TypeScript,
    private readonly file: string,
    private readonly stub: Stub,
  ) {
    this.members = configMembers(stub.layers.map(({ layer }) => layer));
    this.configType = `${stub.identifier}Config`;
  }

  write(): void {
    const { code, stub } = this;
    const weights = stubWeights(stub.layers, this.members);
    code.comment(this.heading());
    if (stub.language === 'typescript') this.writeTypes();
    code.apart();
    const [head, tail] =
      stub.language === 'cjs'
        ? ['module.exports = (tf) =>', ';']
        : [`export default function register(tf${code.type('Tfjs')})${code.type('void')}`, ''];
    code.block(
      head,
      () => {
        weights.writeTable(code);
        code.class([], `${stub.identifier} extends tf.layers.Layer`, () => this.writeClass(weights), {
          exported: false,
        });
        code.blank();
        code.line(`tf.serialization.registerClass(${stub.identifier});`);
      },
      tail,
    );
  }

  private heading(): string[] {
    const { className, layers } = this.stub;
    const [first] = layers;
    const others = layers.length > 1 ? ` and ${layers.length - 1} more` : '';
    const lambda = className.startsWith('Lambda:')
      ? ['Its function is Python code, which is never run here: this class takes its place in Model Slicer.']
      : ['The file says how it is made and which weights it has, but not what it computes: write call().'];
    return [
      `The class ${className} of ${this.file}, for TensorFlow.js: the layer ${first?.address ?? ''}${others}.`,
      ...lambda,
      'Model Slicer loads it by its setting modelSlicer.customLayers, or --custom-layers of model-slicer; a program of your own calls what this file exports with its tf, before it loads the model.',
    ];
  }

  private writeTypes(): void {
    const { code } = this;
    code.line("import type * as tensorflow from '@tensorflow/tfjs';");
    code.blank();
    code.line('type Tfjs = typeof tensorflow;');
    code.line('type Shape = tensorflow.Shape;');
    code.line('type Tensor = tensorflow.Tensor;');
    code.line("type LayerArgs = NonNullable<ConstructorParameters<Tfjs['layers']['Layer']>[0]>;");
    code.blank();
    code.comment([`What the file says of each ${this.stub.identifier}, in the names that TF.js gives it.`]);
    if (this.members.length === 0) {
      code.line(`type ${this.configType} = LayerArgs;`);
      return;
    }
    code.block(`interface ${this.configType} extends LayerArgs`, () => {
      for (const { key, type, optional, example } of this.members)
        code.line(`${key}${optional ? '?' : ''}: ${type}${optional ? ' | undefined' : ''};${example}`);
    });
  }

  private writeClass(weights: StubWeights): void {
    const { code, stub } = this;
    const override = code.typed('override ');
    code.line(`static ${code.typed('readonly ')}className = ${stringLiteral(stub.className)};`);
    if (code.typed('x')) code.line(`protected readonly config: ${this.configType};`);
    writeWeightFields(code, weights);
    code.method('constructor', [`config${code.type(this.configType)}`], '', () => {
      code.line('super(config);');
      if (stub.language !== 'typescript')
        for (const { key, type, example } of this.members)
          code.line(`// ${memberAccess('config', key)}: ${type}${example}`);
      code.line('this.config = config;');
    });
    writeBuild(code, weights);
    this.writeOutputShape();
    this.writeCall();
    code.method(`${override}getConfig`, [], 'tensorflow.serialization.ConfigDict', () => {
      const items = this.members.map(({ key }) => `${key}: ${memberAccess('this.config', key)}`);
      if (items.length === 0) code.line('return super.getConfig();');
      else
        code.object(
          'return ',
          ['...super.getConfig()', ...items],
          `${code.cast('tensorflow.serialization.ConfigDict')};`,
        );
    });
  }

  private writeOutputShape(): void {
    const { code, stub } = this;
    const shapes = stub.layers.flatMap(({ layer }) => layer.calls.map(({ outputs }) => outputs));
    const texts = new Set(shapes.map((outputs) => JSON.stringify(outputs.map(({ shape }) => shape))));
    const known = texts.size === 1 ? (shapes[0] ?? []).map(({ shape }) => shape) : [];
    const [only] = known;
    const parts = known.flatMap((shape) => (shape ? [shapeLiteral(shape)] : []));
    code.method(`${code.typed('override ')}computeOutputShape`, [], 'Shape | Shape[]', () => {
      if (only && parts.length === known.length) {
        code.line(`return ${known.length === 1 ? (parts[0] ?? '') : `[${parts.join(', ')}]`};`);
        return;
      }
      code.line(
        '// It takes inputShape, and says the shape of what call() returns; only a program of your own needs it.',
      );
      code.line('throw new Error(`computeOutputShape() of ${this.name} is not written yet`);');
    });
  }

  private writeCall(): void {
    const { code, stub } = this;
    const [first] = stub.layers;
    const tensors = 'Tensor | Tensor[]';
    code.method(`${code.typed('override ')}call`, [`inputs${code.type(tensors)}`], tensors, () => {
      code.line('const x = Array.isArray(inputs) ? inputs[0] : inputs;');
      const shapes = (first?.inputs ?? []).map((shape) => (shape ? shapeLiteral(shape) : 'a tensor of unknown shape'));
      const read = shapes.length > 0 ? ` ${commentText(first?.address ?? '')} reads ${shapes.join(' and ')}.` : '';
      code.line(`// Write here what it computes of its input, inside tf.tidy(() => …).${read}`);
      const attribute = commentText(`${first?.address ?? ''}@feature`);
      if (first && isCustomLayer(first.layer))
        code.line(`// A tensor that is set on the layer (this.feature = …) can be looked at as ${attribute}.`);
      code.line('throw new Error(`call() of ${this.name} is not written yet; it is given [${String(x?.shape)}]`);');
    });
  }
}
