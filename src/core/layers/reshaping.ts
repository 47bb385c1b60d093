/** Layers that move values without computing: no weights, no MACs. */
import type { Dim, Shape } from '../model/layerGraph';
import type { LayerFacts } from './catalogue';
import type { LayerRule, RuleCall } from './rule';
import { plainFacts } from './rule';
import { joinSpatial, mismatch, ofRank, product, splitSpatial } from './shapes';

/** Output: `[batch, all the rest]`. */
function flatten(call: RuleCall): LayerFacts {
  const { shape } = call;
  return plainFacts(shape === null ? null : [shape[0] ?? null, product(...shape.slice(1))], call.kept());
}

/** Output: `[batch, …target_shape]`, one dimension of which may be -1: what is left over. */
function reshape(call: RuleCall): LayerFacts {
  const target = call.config.dimensions('target_shape');
  if (target === null) throw call.config.bad('target_shape');
  const open = target.filter((dim) => dim === null || dim < 0).length;
  if (open > 1) throw call.config.bad('target_shape');
  const { shape } = call;
  const total = shape === null ? null : product(...shape.slice(1));
  const given = product(...target.filter((dim) => dim !== null && dim >= 0));
  if (shape !== null && total !== null && given !== null) {
    const fits = open === 0 ? total === given : given > 0 && total % given === 0;
    if (!fits) throw mismatch([null, ...target], shape);
  }
  const rest = total === null || given === null || given === 0 ? null : total / given;
  const output = target.map((dim) => (dim === null || dim < 0 ? rest : dim));
  return plainFacts([shape?.[0] ?? null, ...output], call.kept());
}

/** Output: the axes in the order of `dims`, which counts from 1. */
function permute(call: RuleCall): LayerFacts {
  const dims = call.config.list('dims') ?? [];
  const sorted = [...dims].sort((a, b) => a - b);
  if (dims.length === 0 || sorted.some((dim, i) => dim !== i + 1)) throw call.config.bad('dims');
  const { shape } = call;
  if (shape === null) return plainFacts(null, call.kept());
  ofRank(shape, dims.length + 1);
  return plainFacts([shape[0] ?? null, ...dims.map((dim) => shape[dim] ?? null)], call.kept());
}

/** Input: `[batch, features]`. Output: `[batch, n, features]`. */
function repeatVector(call: RuleCall): LayerFacts {
  const n = call.config.integer('n');
  const { shape } = call;
  if (shape === null) return plainFacts([null, n, null], call.elementwise);
  const [batch = null, features = null] = ofRank(shape, 2);
  return plainFacts([batch, n, features], call.elementwise);
}

/** Changes every spatial axis with `change`. */
function spatially(call: RuleCall, rank: number, change: (length: Dim, axis: number, shape: Shape) => Dim): LayerFacts {
  const { shape, channelsFirst } = call;
  if (shape === null) return plainFacts(null, call.elementwise);
  const input = splitSpatial(shape, rank, channelsFirst);
  const spatial = input.spatial.map((length, axis) => change(length, axis, shape));
  return plainFacts(joinSpatial({ ...input, spatial }, channelsFirst), call.elementwise);
}

function upSampling(rank: number): LayerRule {
  return (call) => {
    const size = call.config.integers('size', rank, 2);
    return spatially(call, rank, (length, axis) => product(length, size[axis] ?? 1));
  };
}

function zeroPadding(rank: number): LayerRule {
  return (call) => {
    const padding = call.config.pairs('padding', rank, 1);
    return spatially(call, rank, (length, axis) => {
      const [before, after] = padding[axis] ?? [0, 0];
      return length === null ? null : length + before + after;
    });
  };
}

function cropping(rank: number): LayerRule {
  return (call) => {
    const crop = call.config.pairs('cropping', rank, rank === 1 ? 1 : 0);
    return spatially(call, rank, (length, axis, shape) => {
      const [before, after] = crop[axis] ?? [0, 0];
      if (length !== null && length <= before + after) throw mismatch(`length > ${before + after}`, shape);
      return length === null ? null : length - before - after;
    });
  };
}

export const reshapingRules: Record<string, LayerRule> = {
  Flatten: flatten,
  Reshape: reshape,
  Permute: permute,
  RepeatVector: repeatVector,
  UpSampling1D: upSampling(1),
  UpSampling2D: upSampling(2),
  UpSampling3D: upSampling(3),
  ZeroPadding1D: zeroPadding(1),
  ZeroPadding2D: zeroPadding(2),
  ZeroPadding3D: zeroPadding(3),
  Cropping1D: cropping(1),
  Cropping2D: cropping(2),
  Cropping3D: cropping(3),
};
