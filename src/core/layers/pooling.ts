/** Pooling: no weights, no MACs. */
import type { LayerFacts } from './catalogue';
import type { LayerRule, RuleCall } from './rule';
import { plainFacts } from './rule';
import { convLength, joinSpatial, splitSpatial } from './shapes';

/** Input: `[batch, …spatial, channels]` (or channels first). Output: the same with shorter spatial axes. */
function windowed(rank: number): LayerRule {
  return (call) => {
    const { config, channelsFirst, shape } = call;
    const size = config.integers('pool_size', rank, 2);
    const strides = config.lacks('strides') ? size : config.integers('strides', rank);
    const padding = config.choice('padding', ['valid', 'same'], 'valid');
    if (shape === null) return plainFacts(null, call.elementwise);
    const input = splitSpatial(shape, rank, channelsFirst);
    const spatial = input.spatial.map((length, i) => convLength(length, size[i] ?? 1, strides[i] ?? 1, 1, padding));
    return plainFacts(joinSpatial({ ...input, spatial }, channelsFirst), call.elementwise);
  };
}

/** Output: `[batch, channels]`, or with axes of length 1 when `keepdims`. */
function global(rank: number): LayerRule {
  return (call) => {
    const { channelsFirst, shape } = call;
    const keepDims = call.config.flag('keepdims', false);
    if (shape === null) return plainFacts(null, call.elementwise);
    const input = splitSpatial(shape, rank, channelsFirst);
    const spatial = keepDims ? input.spatial.map(() => 1) : [];
    return plainFacts(joinSpatial({ ...input, spatial }, channelsFirst), call.elementwise);
  };
}

/** Output: spatial axes of length `output_size`. */
function adaptive(rank: number): LayerRule {
  return (call: RuleCall): LayerFacts => {
    const { channelsFirst, shape } = call;
    const spatial = call.config.integers('output_size', rank);
    if (shape === null) return plainFacts(null, call.elementwise);
    return plainFacts(
      joinSpatial({ ...splitSpatial(shape, rank, channelsFirst), spatial }, channelsFirst),
      call.elementwise,
    );
  };
}

export const poolingRules: Record<string, LayerRule> = Object.fromEntries(
  [1, 2, 3].flatMap((rank): [string, LayerRule][] =>
    ['Max', 'Average'].flatMap((kind): [string, LayerRule][] => [
      [`${kind}Pooling${rank}D`, windowed(rank)],
      [`Global${kind}Pooling${rank}D`, global(rank)],
      [`Adaptive${kind}Pooling${rank}D`, adaptive(rank)],
    ]),
  ),
);
