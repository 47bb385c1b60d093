/** Random models of real TF.js layers, saved by TF.js itself, and opened as a file. */
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { openParsed, parseModelJson } from '../../../../src/core/formats/openModelJson';
import type { OpenedFile } from './plainTfjsModel';
import { segmentsOf } from '../../../../src/core/model/weightFiles';

const STEPS = 4;
const WIDTH = 3;

type Step =
  | { kind: 'dense' | 'tanh' | 'normalize' | 'sequence' | 'states'; from: number }
  | { kind: 'again'; layer: number; from: number }
  | { kind: 'add' | 'multiply' | 'concatenate'; from: number; other: number };

type OuterStep = Step | { kind: 'nested'; from: number; steps: Step[]; outputs: number };

export interface SavedRecipe {
  inputs: number;
  steps: OuterStep[];
  outputs: number[];
}

const index = fc.nat(20);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('dense', 'tanh', 'normalize', 'sequence', 'states'), from: index }),
  fc.record({ kind: fc.constant('again'), layer: index, from: index }),
  fc.record({ kind: fc.constantFrom('add', 'multiply', 'concatenate'), from: index, other: index }),
);

export const savedRecipe: fc.Arbitrary<SavedRecipe> = fc.record({
  inputs: fc.integer({ min: 1, max: 2 }),
  steps: fc.array(
    fc.oneof(
      { weight: 4, arbitrary: step },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('nested'),
          from: index,
          steps: fc.array(step, { minLength: 1, maxLength: 3 }),
          outputs: fc.integer({ min: 1, max: 2 }),
        }),
      },
    ),
    { minLength: 1, maxLength: 7 },
  ),
  outputs: fc.array(index, { minLength: 1, maxLength: 3 }),
});

interface Tensor {
  address: string;
  symbolic: tf.SymbolicTensor;
}

interface Reusable {
  name: string;
  layer: tf.layers.Layer;
}

/** What is built inside one model. All tensors are sequences `[batch, 4, 3]`. */
class Builder {
  readonly tensors: Tensor[];
  /** Those in between, of other shapes. */
  readonly others: Tensor[] = [];
  readonly reusable: Reusable[] = [];
  private readonly calls: { made: Reusable; outputs: Tensor[] }[] = [];

  constructor(
    readonly prefix: string,
    inputs: Tensor[],
  ) {
    this.tensors = [...inputs];
  }

  at(i: number): Tensor {
    return this.tensors[i % this.tensors.length] as Tensor;
  }

  name(kind: string): string {
    return `${this.prefix}${kind}_${this.reusable.length + this.others.length + this.tensors.length}`;
  }

  call(made: Reusable, from: Tensor[]): Tensor[] {
    const given = from.map(({ symbolic }) => symbolic);
    const result = made.layer.apply(given.length === 1 ? (given[0] as tf.SymbolicTensor) : given);
    const outputs = [result].flat().map((symbolic) => ({ address: '', symbolic: symbolic as tf.SymbolicTensor }));
    this.calls.push({ made, outputs });
    return outputs;
  }

  /** TF.js saves, and counts, the calls that lead to the outputs. @returns addresses of the calls of `of`. */
  number(kept: ReadonlySet<tf.SymbolicTensor>, of?: Reusable): (string | null)[] {
    const counts = new Map<Reusable, number>();
    return this.calls.flatMap(({ made, outputs }) => {
      const isKept = outputs.some(({ symbolic }) => kept.has(symbolic));
      const count = (counts.get(made) ?? 0) + (isKept ? 1 : 0);
      counts.set(made, count);
      const call = count > 1 ? `${made.name}#${count}` : made.name;
      outputs.forEach((tensor, output) => (tensor.address = output > 0 ? `${call}:${output}` : call));
      return made === of ? [isKept ? call : null] : [];
    });
  }

  once(layer: tf.layers.Layer, from: Tensor[]): Tensor[] {
    return this.call({ name: layer.name, layer }, from);
  }

  make(layer: tf.layers.Layer, from: Tensor): Tensor[] {
    const made = { name: layer.name, layer };
    this.reusable.push(made);
    return this.call(made, [from]);
  }

  add(item: Step): void {
    const from = this.at(item.from);
    switch (item.kind) {
      case 'dense': {
        const options = { units: WIDTH, activation: 'tanh' as const, biasInitializer: 'randomNormal' as const };
        this.tensors.push(...this.make(tf.layers.dense({ ...options, name: this.name('dense') }), from));
        return;
      }
      case 'tanh':
        this.tensors.push(...this.make(tf.layers.activation({ activation: 'tanh', name: this.name('tanh') }), from));
        return;
      case 'normalize':
        this.tensors.push(...this.make(tf.layers.batchNormalization({ name: this.name('norm') }), from));
        return;
      case 'sequence':
        this.tensors.push(
          ...this.make(tf.layers.lstm({ units: WIDTH, returnSequences: true, name: this.name('lstm') }), from),
        );
        return;
      case 'states': {
        const options = { units: WIDTH, returnSequences: true, returnState: true };
        const outputs = this.make(tf.layers.simpleRNN({ ...options, name: this.name('rnn') }), from);
        this.keep(outputs);
        return;
      }
      case 'again': {
        const made = this.reusable[item.layer % Math.max(1, this.reusable.length)];
        if (made) this.keep(this.call(made, [from]));
        return;
      }
      default: {
        const other = this.at(item.other);
        // TF.js frees a tensor too early that a call reads twice
        if (other === from) return;
        const name = this.name(item.kind);
        if (item.kind === 'add') this.tensors.push(...this.once(tf.layers.add({ name }), [from, other]));
        else if (item.kind === 'multiply') this.tensors.push(...this.once(tf.layers.multiply({ name }), [from, other]));
        else {
          const [joined] = this.once(tf.layers.concatenate({ name, axis: -1 }), [from, other]);
          this.others.push(joined as Tensor);
          const back = tf.layers.dense({ units: WIDTH, activation: 'tanh', name: `${name}_back` });
          this.tensors.push(...this.once(back, [joined as Tensor]));
        }
      }
    }
  }

  /** A sequence as it is; states made to one. */
  private keep(outputs: Tensor[]): void {
    for (const tensor of outputs) {
      if (tensor.symbolic.shape.length === 3) this.tensors.push(tensor);
      else {
        this.others.push(tensor);
        this.tensors.push(...this.once(tf.layers.repeatVector({ n: STEPS, name: this.name('repeat') }), [tensor]));
      }
    }
  }
}

export interface SavedModel {
  file: OpenedFile;
  parent: tf.LayersModel;
  inputs: string[];
  outputs: string[];
  /** Every tensor, with a model of TF.js that computes it from the inputs. */
  tensors: { address: string; judge: tf.LayersModel }[];
  example: tf.Tensor[];
}

export async function savedModel({ inputs: count, steps, outputs }: SavedRecipe): Promise<SavedModel> {
  const inputs = Array.from({ length: count }, (_, i) => {
    const name = `in_${i}`;
    return { address: name, symbolic: tf.input({ shape: [STEPS, WIDTH], name }) };
  });
  const outer = new Builder('', inputs);
  const nested: { made: Reusable; model: tf.LayersModel; inside: Builder; fed: Tensor[] }[] = [];
  for (const item of steps) {
    if (item.kind !== 'nested') {
      outer.add(item);
      continue;
    }
    const name = outer.name('nested');
    const given = { address: `${name}_in`, symbolic: tf.input({ shape: [STEPS, WIDTH], name: `${name}_in` }) };
    const inside = new Builder(`${name}_`, [given]);
    for (const inner of item.steps) inside.add(inner);
    const ends = [...new Set(inside.tensors.slice(-item.outputs))];
    const model = tf.model({ inputs: given.symbolic, outputs: ends.map(({ symbolic }) => symbolic), name });
    const from = outer.at(item.from);
    const made = { name, layer: model as tf.layers.Layer };
    nested.push({ made, model, inside, fed: [from] });
    outer.tensors.push(...outer.call(made, [from]));
  }
  // a second call of each nested model, of what came after it
  for (const { made, fed } of nested) {
    const last = outer.tensors.at(-1) as Tensor;
    fed.push(last);
    outer.tensors.push(...outer.call(made, [last]));
  }
  const ends = [...new Set(outputs.map((i) => outer.at(i)))];
  const symbolic = inputs.map((input) => input.symbolic);
  const parent = tf.model({ inputs: symbolic, outputs: ends.map((end) => end.symbolic), name: 'parent' });
  const file = await saved(parent);
  const inFile = new Set(ancestors(ends));
  outer.number(inFile);
  const judges: SavedModel['tensors'] = [...outer.tensors, ...outer.others]
    .filter((tensor) => inFile.has(tensor.symbolic))
    .map((tensor) => ({ address: tensor.address, judge: tf.model({ inputs: symbolic, outputs: tensor.symbolic }) }));
  for (const { made, model, inside, fed } of nested) {
    const kept = new Set(ancestors(model.outputs.map((output) => ({ address: '', symbolic: output }))));
    inside.number(kept);
    const calls = outer.number(inFile, made);
    fed.forEach((from, call) => {
      const around = calls[call];
      if (!around) return;
      for (const tensor of [...inside.tensors, ...inside.others]) {
        if (!kept.has(tensor.symbolic)) continue;
        const part = tf.model({ inputs: model.inputs, outputs: tensor.symbolic });
        const judged = part.apply(from.symbolic) as tf.SymbolicTensor;
        judges.push({
          address: `${around}/${tensor.address}`,
          judge: tf.model({ inputs: symbolic, outputs: judged }),
        });
      }
    });
  }
  return {
    file,
    parent,
    inputs: inputs.map(({ address }) => address),
    outputs: ends.map(({ address }) => address),
    tensors: judges,
    example: inputs.map((_, i) => tf.randomUniform([2, STEPS, WIDTH], -1, 1, 'float32', 7 + i)),
  };
}

/** What the tensors are computed from: TF.js leaves the rest out of a model. */
function ancestors(ends: readonly Tensor[]): tf.SymbolicTensor[] {
  const found = new Set<tf.SymbolicTensor>();
  const open = ends.map(({ symbolic }) => symbolic);
  for (let tensor = open.pop(); tensor; tensor = open.pop()) {
    if (found.has(tensor)) continue;
    found.add(tensor);
    open.push(...tensor.inputs);
  }
  return [...found];
}

async function saved(model: tf.LayersModel): Promise<OpenedFile> {
  let artifacts: tf.io.ModelArtifacts | null = null;
  await model.save(
    tf.io.withSaveHandler((made) => {
      artifacts = made;
      return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } });
    }),
  );
  const { modelTopology, weightSpecs, weightData } = artifacts as unknown as tf.io.ModelArtifacts;
  const bytes = Buffer.from(weightData as ArrayBuffer);
  const json = {
    format: 'layers-model',
    modelTopology,
    weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }],
  };
  const parsed = parseModelJson(new TextEncoder().encode(JSON.stringify(json)), 'model.json');
  return {
    model: openParsed(parsed, [{ path: 'weights.bin', size: bytes.length }]),
    stored: ({ locator }) =>
      Buffer.concat(segmentsOf(locator).map(({ offset, length }) => bytes.subarray(offset, offset + length))),
  };
}
