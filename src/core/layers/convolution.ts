/** Convolutions. MACs count padding in full. */
import type { Dim, Shape } from '../model/layerGraph';
import type { LayerFacts } from './catalogue';
import type { LayerRule, RuleCall, Variable } from './rule';
import { weightSpecs } from './rule';
import { loraRank } from './core';
import type { Padding, SpatialShape } from './shapes';
import { convLength, joinSpatial, mismatch, product, splitSpatial, transposedLength } from './shapes';

/** What all convolutions read from their config. */
interface Window {
  rank: number;
  kernel: number[];
  strides: number[];
  dilation: number[];
  padding: Padding;
  useBias: boolean;
  channelsFirst: boolean;
}

function windowOf({ config, channelsFirst }: RuleCall, rank: number): Window {
  return {
    rank,
    kernel: config.integers('kernel_size', rank),
    strides: config.integers('strides', rank, 1),
    dilation: config.integers('dilation_rate', rank, 1),
    padding: config.choice('padding', ['valid', 'same', 'causal'], 'valid'),
    useBias: config.flag('use_bias', true),
    channelsFirst,
  };
}

/** The input taken apart; `null` when its shape is unknown. */
function inputOf({ shape, keras }: RuleCall, { rank, channelsFirst }: Window): SpatialShape | null {
  return shape === null ? null : splitSpatial(shape, rank, channelsFirst, keras === 2);
}

function convSpatial(spatial: readonly Dim[], { kernel, strides, dilation, padding }: Window): Dim[] {
  return spatial.map((length, i) => convLength(length, kernel[i] ?? 1, strides[i] ?? 1, dilation[i] ?? 1, padding));
}

/** Facts of a layer that turns `input` into `spatial` × `channels`. */
function facts(
  call: RuleCall,
  window: Window,
  input: SpatialShape | null,
  spatial: Dim[] | null,
  channels: Dim,
  variables: Variable[],
  macs: (extraBatch: readonly Dim[]) => Dim,
): LayerFacts {
  if (window.useBias) variables.push({ name: 'bias', shape: [channels] });
  const shape: Shape | null =
    input === null || spatial === null
      ? null
      : joinSpatial({ leading: input.leading, spatial, channels }, window.channelsFirst);
  return {
    outputs: [{ shape, dtype: call.computed }],
    weights: weightSpecs(variables, call.policy),
    macs: input === null ? null : macs(input.leading.slice(1)),
  };
}

/** Input: `[batch, …spatial, in]` (or channels first). Output: `[batch, …spatial', filters]`. */
function convolution(rank: number): LayerRule {
  return (call) => {
    const window = windowOf(call, rank);
    const filters = call.config.integer('filters');
    const groups = call.config.integer('groups', 1);
    const input = inputOf(call, window);
    const channels = input?.channels ?? null;
    if (channels !== null && channels % groups !== 0) throw mismatch(`channels divisible by ${groups}`, call.shape);
    if (filters % groups !== 0) throw call.config.bad('groups');
    const perGroup = channels === null ? null : channels / groups;
    const spatial = input === null ? null : convSpatial(input.spatial, window);
    const lora = loraRank(call);
    const variables: Variable[] = [
      { name: 'kernel', shape: [...window.kernel, perGroup, filters], trainable: lora === null },
    ];
    const result = facts(call, window, input, spatial, filters, variables, (extra) =>
      product(...extra, ...(spatial ?? [null]), ...window.kernel, perGroup, filters),
    );
    if (lora === null || result.weights === null) return result;
    const adapters = weightSpecs(
      [
        { name: 'lora_kernel_a', shape: [...window.kernel, perGroup, lora] },
        { name: 'lora_kernel_b', shape: [lora, filters] },
      ],
      call.policy,
    );
    return { ...result, weights: [...result.weights, ...(adapters ?? [])] };
  };
}

/** Input: `[batch, …spatial, in]`. Output: the larger image that a convolution would shrink to the input. */
function transposed(rank: number): LayerRule {
  return (call) => {
    const window = windowOf(call, rank);
    const filters = call.config.integer('filters');
    const outputPadding = call.config.lacks('output_padding')
      ? null
      : call.config.integers('output_padding', rank, 0, 0);
    const input = inputOf(call, window);
    const channels = input?.channels ?? null;
    const spatial =
      input?.spatial.map((length, i) =>
        transposedLength(
          length,
          window.kernel[i] ?? 1,
          window.strides[i] ?? 1,
          window.dilation[i] ?? 1,
          window.padding,
          outputPadding?.[i] ?? null,
        ),
      ) ?? null;
    const variables: Variable[] = [{ name: 'kernel', shape: [...window.kernel, filters, channels] }];
    return facts(call, window, input, spatial, filters, variables, (extra) =>
      product(...extra, ...(input?.spatial ?? [null]), ...window.kernel, channels, filters),
    );
  };
}

/** Each input channel is convolved on its own, into `depth_multiplier` channels. */
function depthwise(rank: number): LayerRule {
  return (call) => {
    const window = windowOf(call, rank);
    const multiplier = call.config.integer('depth_multiplier', 1);
    const input = inputOf(call, window);
    const channels = input?.channels ?? null;
    const spatial = input === null ? null : convSpatial(input.spatial, window);
    const name = call.keras === 2 ? 'depthwise_kernel' : 'kernel';
    const variables: Variable[] = [{ name, shape: [...window.kernel, channels, multiplier] }];
    return facts(call, window, input, spatial, product(channels, multiplier), variables, (extra) =>
      product(...extra, ...(spatial ?? [null]), ...window.kernel, channels, multiplier),
    );
  };
}

/** A depthwise convolution, then a pointwise one into `filters` channels. */
function separable(rank: number): LayerRule {
  return (call) => {
    const window = windowOf(call, rank);
    const filters = call.config.integer('filters');
    const multiplier = call.config.integer('depth_multiplier', 1);
    const input = inputOf(call, window);
    const channels = input?.channels ?? null;
    const spatial = input === null ? null : convSpatial(input.spatial, window);
    const between = product(channels, multiplier);
    const variables: Variable[] = [
      { name: 'depthwise_kernel', shape: [...window.kernel, channels, multiplier] },
      { name: 'pointwise_kernel', shape: [...window.kernel.map(() => 1), between, filters] },
    ];
    return facts(call, window, input, spatial, filters, variables, (extra) => {
      const positions = product(...extra, ...(spatial ?? [null]));
      const perPosition = between === null ? null : product(between, product(...window.kernel));
      const pointwise = product(between, filters);
      return perPosition === null || pointwise === null ? null : product(positions, perPosition + pointwise);
    });
  };
}

/** A convolution with a kernel of its own at every output position (Keras 2 only). */
/** How many pairs of an input and an output position are connected: a window may hang over the border with `same`. */
function connections(input: readonly Dim[], output: readonly Dim[], { kernel, strides, padding }: Window): Dim {
  return product(
    ...input.map((length, axis) => {
      const count = output[axis] ?? null;
      if (length === null || count === null) return null;
      const [wide, stride] = [kernel[axis] ?? 1, strides[axis] ?? 1];
      if (padding === 'valid') return product(count, wide);
      let total = 0;
      const before = Math.floor(wide / 2);
      for (let i = 0; i < Math.min(count, MOST_POSITIONS); i++) {
        const start = i * stride - before;
        total += Math.max(0, Math.min(length, start + wide) - Math.max(0, start));
      }
      return count > MOST_POSITIONS ? null : total;
    }),
  );
}

/** A layer with a kernel for each position has no more of them. */
const MOST_POSITIONS = 100_000;

function locallyConnected(rank: number): LayerRule {
  return (call) => {
    const window = windowOf(call, rank);
    const filters = call.config.integer('filters');
    const implementation = call.config.integer('implementation', 1);
    const { shape } = call;
    const input = shape === null ? null : splitSpatial(shape, rank, window.channelsFirst);
    const spatial = input === null ? null : convSpatial(input.spatial, window);
    const channels = input?.channels ?? null;
    const perPosition = product(...window.kernel, channels);
    const kernels: Record<number, Dim[]> = {
      1: [product(...(spatial ?? [null])), perPosition, filters],
      2: window.channelsFirst
        ? [channels, ...(input?.spatial ?? [null]), filters, ...(spatial ?? [null])]
        : [...(input?.spatial ?? [null]), channels, ...(spatial ?? [null]), filters],
      3: [product(connections(input?.spatial ?? [null], spatial ?? [null], window), channels, filters)],
    };
    const variables: Variable[] = [{ name: 'kernel', shape: kernels[implementation] ?? [null] }];
    const result = facts(call, { ...window, useBias: false }, input, spatial, filters, variables, () =>
      product(...(spatial ?? [null]), perPosition, filters),
    );
    if (!window.useBias || result.weights === null) return result;
    const bias = weightSpecs([{ name: 'bias', shape: [...(spatial ?? [null]), filters] }], call.policy);
    return { ...result, weights: bias === null ? null : [...result.weights, ...bias] };
  };
}

export const convolutionRules: Record<string, LayerRule> = {
  Conv1D: convolution(1),
  Conv2D: convolution(2),
  Conv3D: convolution(3),
  Conv1DTranspose: transposed(1),
  Conv2DTranspose: transposed(2),
  Conv3DTranspose: transposed(3),
  DepthwiseConv1D: depthwise(1),
  DepthwiseConv2D: depthwise(2),
  SeparableConv1D: separable(1),
  SeparableConv2D: separable(2),
  LocallyConnected1D: locallyConnected(1),
  LocallyConnected2D: locallyConnected(2),
};
