/** What a rule of the catalogue sees of a call, and what rules share: reading tensors, listing weights. */
import type { CallArgument, DType, Dim, Shape, TensorInfo } from '../model/layerGraph';
import type { CallContext, LayerFacts, WeightSpec } from './catalogue';
import { ConfigReader } from './configReader';
import type { NestedLayer } from './configReader';
import type { DTypePolicy } from './dtypes';
import { dtypePolicy, isFloat } from './dtypes';

/** The facts of a layer inside another one; `null` for an unknown class. */
export type NestedFacts = (layer: NestedLayer, inputs: TensorInfo[]) => LayerFacts | null;

/** Works out one class. Throws `bad-config` or `shape-mismatch`. */
export type LayerRule = (call: RuleCall) => LayerFacts;

const UNKNOWN: TensorInfo = { shape: null, dtype: null };

export class RuleCall {
  readonly config: ConfigReader;
  readonly policy: DTypePolicy;
  /** The positional tensors, lists flattened. A mask or an initial state in a keyword is not among them. */
  readonly tensors: TensorInfo[];

  constructor(
    readonly context: CallContext,
    readonly nested: NestedFacts,
  ) {
    this.config = new ConfigReader(context.config);
    this.policy = dtypePolicy(context.config);
    this.tensors = positional(context);
  }

  get className(): string {
    return this.context.className;
  }

  get keras(): 2 | 3 {
    return this.context.keras;
  }

  get channelsFirst(): boolean {
    return this.config.choice('data_format', ['channels_last', 'channels_first'], 'channels_last') === 'channels_first';
  }

  /** Shape of the first tensor. */
  get shape(): Shape | null {
    return this.tensor(0).shape;
  }

  /** Positional tensor `index`; unknown in every way when there is none. */
  tensor(index: number): TensorInfo {
    return this.tensors[index] ?? UNKNOWN;
  }

  /** The tensor under a parameter's name, or at its position; `null` when the call has neither. */
  parameter(name: string, position: number): TensorInfo | null {
    const keyword = Object.hasOwn(this.context.kwargs, name) ? this.context.kwargs[name] : undefined;
    if (keyword?.kind === 'tensor') return this.context.inputs[keyword.input] ?? null;
    return this.tensors[position] ?? null;
  }

  /** Whether the call sets a keyword argument to true. */
  asks(name: string): boolean {
    const keyword = Object.hasOwn(this.context.kwargs, name) ? this.context.kwargs[name] : undefined;
    return keyword?.kind === 'constant' && keyword.value === true;
  }

  /** The dtype of most layers' output: what they compute in. */
  get computed(): DType {
    return this.policy.compute;
  }

  /** The dtype of a layer that hands its input's on: integers stay, floats are cast. */
  kept(index = 0): DType | null {
    const { dtype } = this.tensor(index);
    return dtype !== null && isFloat(dtype) ? this.policy.compute : dtype;
  }

  /** Elementwise layers: Keras 3 declares the compute dtype, Keras 2 traces what really comes out. */
  get elementwise(): DType | null {
    return this.keras === 3 ? this.computed : this.kept();
  }
}

/** One variable; a `null` in its shape makes the layer's weights unknown. */
export interface Variable {
  name: string;
  shape: readonly Dim[];
  trainable?: boolean;
  dtype?: DType;
}

/** Variables as weight specs. `null` when one of the shapes is not known. */
export function weightSpecs(variables: readonly Variable[], policy: DTypePolicy): WeightSpec[] | null {
  const specs: WeightSpec[] = [];
  for (const { name, shape, trainable = true, dtype = policy.variable } of variables) {
    const known = shape.filter((dim) => dim !== null);
    if (known.length !== shape.length) return null;
    specs.push({ name, shape: known, dtype, trainable });
  }
  return specs;
}

/** Facts of a layer with one output and no weights that are worth counting. */
export function plainFacts(shape: Shape | null, dtype: DType | null, macs: number | null = 0): LayerFacts {
  return { outputs: [{ shape, dtype }], weights: [], macs };
}

/** The weights below a path: `lstm_cell` + `kernel`. */
export function below(path: string, weights: WeightSpec[] | null): WeightSpec[] | null {
  return weights === null ? null : weights.map((weight) => ({ ...weight, name: `${path}/${weight.name}` }));
}

function positional({ args, inputs }: CallContext): TensorInfo[] {
  if (args.length === 0) return inputs;
  const found: TensorInfo[] = [];
  // a stack, not recursion: a file decides how deep lists nest
  const pending: CallArgument[] = [...args].reverse();
  for (let argument = pending.pop(); argument !== undefined; argument = pending.pop()) {
    if (argument.kind === 'tensor') found.push(inputs[argument.input] ?? UNKNOWN);
    else if (argument.kind === 'list') pending.push(...[...argument.items].reverse());
    else if (argument.kind === 'dict') pending.push(...Object.values(argument.items).reverse());
  }
  return found;
}
