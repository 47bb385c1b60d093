/** A functional model while it is put together: layers as they are written, their shapes, and the weights they need. */
import { SlicerError } from '../errors';
import type { WeightSpec } from '../layers/catalogue';
import { layerFacts } from '../layers/layerFacts';
import { product } from '../layers/shapes';
import type { JsonObject, JsonValue } from '../model/json';
import type { TensorInfo } from '../model/layerGraph';
import type { WeightEntry } from '../model/modelFile';
import { loadableName } from '../slicing/layerNames';
import type { ComposedLayer, LayerRole } from './composition';
import type { Initial } from './newWeights';
import type { ValueRange } from './ranges';

/** A tensor of the model that is being made. */
export interface DraftTensor extends TensorInfo {
  /** Layer, call, output. */
  ref: [string, number, number];
  range: ValueRange | null;
}

/** A weight of the new model: bytes of a part, or numbers that are made. */
export interface ComposedWeight {
  name: string;
  from: 'base' | 'second' | 'new';
  /** Of the part's file; of a new weight it says no place. */
  entry: WeightEntry;
  /** Of a new weight. */
  initial: Initial | null;
}

/** A layer of a known class. */
export interface NewLayer {
  className: string;
  /** Without `name`. */
  config: JsonObject;
  role: LayerRole;
  /** How its weights begin; default: zeros. */
  initial?: (weight: WeightSpec, layer: string) => Initial;
  range?: ValueRange | null;
}

/** Values of one new weight: what a browser still loads. */
const MOST_VALUES = 2 ** 28;

export class DraftModel {
  readonly layers: ComposedLayer[] = [];
  readonly weights: ComposedWeight[] = [];
  private readonly json: JsonObject[] = [];
  private readonly names: Set<string>;

  /**
   * @param keras whose semantics the file will have.
   * @param taken names that no new layer may have: TF.js keeps the weights of all nested layers in one map.
   */
  constructor(
    readonly keras: 2 | 3,
    taken: Iterable<string>,
  ) {
    this.names = new Set(taken);
  }

  /** A name that is free; then it is taken. */
  name(wanted: string): string {
    const plain = loadableName(wanted);
    let name = plain;
    for (let i = 1; this.names.has(name); i++) name = `${plain}_${i}`;
    this.names.add(name);
    return name;
  }

  input(wanted: string, { shape, dtype }: TensorInfo, range: ValueRange | null): DraftTensor {
    const name = this.name(wanted);
    const config = {
      batch_input_shape: [...(shape ?? [null])],
      dtype: tfjsDtype(dtype),
      sparse: false,
      ragged: false,
      name,
    };
    this.json.push({ class_name: 'InputLayer', config, name, inbound_nodes: [] });
    this.layers.push({ name, className: 'InputLayer', role: 'input', shape });
    return { ref: [name, 0, 0], shape, dtype, range };
  }

  /** A new layer, called on `inputs`. @throws SlicerError `shape-mismatch`, `bad-config`, `usage` (`too-many-weights`). */
  add(wanted: string, layer: NewLayer, inputs: readonly DraftTensor[]): DraftTensor {
    const { className, role } = layer;
    const name = this.name(wanted);
    const config: JsonObject = { name, trainable: true, dtype: 'float32', ...layer.config };
    const facts = layerFacts({
      className,
      config,
      keras: this.keras,
      inputs: inputs.map(({ shape, dtype }) => ({ shape, dtype })),
      args: [],
      kwargs: {},
    });
    const [output] = facts?.outputs ?? [];
    if (!facts?.weights || !output)
      throw new SlicerError('does-not-fit', {
        reason: 'open-size',
        layer: className,
        actual: [...(inputs[0]?.shape ?? [])],
      });
    for (const weight of facts.weights) this.addWeight(name, weight, layer);
    this.json.push({ class_name: className, config, name, inbound_nodes: [nodeOf(inputs)] });
    this.layers.push({ name, className, role, shape: output.shape });
    return { ref: [name, 0, 0], ...output, range: layer.range ?? null };
  }

  /** A model as a layer: once for each of `calls`. */
  nested(
    name: string,
    modelConfig: JsonObject,
    role: 'base' | 'second',
    calls: readonly (readonly DraftTensor[])[],
    outputs: readonly Omit<DraftTensor, 'ref'>[],
  ): DraftTensor[][] {
    const { class_name: className, config } = modelConfig;
    this.json.push({
      class_name: className ?? 'Functional',
      config: { ...(config as JsonObject), name },
      name,
      inbound_nodes: calls.map(nodeOf),
    });
    this.layers.push({
      name,
      className: typeof className === 'string' ? className : 'Functional',
      role,
      shape: outputs[0]?.shape ?? null,
    });
    // in Keras 2 and TF.js the model's own construction is its node 0
    return calls.map((_, call) => outputs.map((output, i) => ({ ...output, ref: [name, call + 1, i] })));
  }

  model(name: string, inputs: readonly DraftTensor[], outputs: readonly DraftTensor[]): JsonObject {
    return {
      class_name: 'Functional',
      config: {
        name,
        trainable: true,
        layers: this.json,
        input_layers: inputs.map(({ ref }) => ref),
        output_layers: outputs.map(({ ref }) => ref),
      },
    };
  }

  private addWeight(layer: string, weight: WeightSpec, { initial }: NewLayer): void {
    const count = product(...weight.shape);
    if (count === null || count > MOST_VALUES)
      throw new SlicerError('usage', { reason: 'too-many-weights', layer, shape: weight.shape, limit: MOST_VALUES });
    const begin = initial?.(weight, layer) ?? { kind: 'constant', value: 0 };
    this.weights.push(newWeight(`${layer}/${weight.name}`, weight.shape, begin));
  }
}

/** A weight whose numbers are made. */
export function newWeight(name: string, shape: readonly number[], initial: Initial): ComposedWeight {
  const bytes = 4 * shape.reduce((product, size) => product * size, 1);
  const locator = { kind: 'segments' as const, segments: [] };
  const entry = { name, shape: [...shape], dtype: 'float32', quantization: null, bytes, locator };
  return { name, from: 'new', entry, initial };
}

function nodeOf(inputs: readonly DraftTensor[]): JsonValue {
  return inputs.map(({ ref }) => [...ref, {}]);
}

/** What a tensor of a Keras dtype is in TF.js. */
function tfjsDtype(dtype: string | null): string {
  if (dtype === 'bool' || dtype === 'string' || dtype === 'complex64') return dtype;
  return dtype !== null && /^u?int/.test(dtype) ? 'int32' : 'float32';
}
