/** Merging layers: several tensors into one. No weights, no MACs. */
import type { Dim, Shape } from '../model/layerGraph';
import type { LayerFacts } from './catalogue';
import type { LayerRule, RuleCall } from './rule';
import { plainFacts } from './rule';
import { axisIndex, broadcast, mismatch, sum } from './shapes';

/** The shapes of all inputs; `null` when one is unknown. */
function knownShapes(call: RuleCall): Shape[] | null {
  const shapes = call.tensors.map((tensor) => tensor.shape).filter((shape) => shape !== null);
  return shapes.length === call.tensors.length && shapes.length > 0 ? shapes : null;
}

/** Output: the inputs' shapes, broadcast. */
function elementwiseMerge(call: RuleCall): LayerFacts {
  const shapes = knownShapes(call);
  if (shapes === null) return plainFacts(null, call.elementwise);
  const inner = shapes.map((shape) => shape.slice(1)).reduce<Dim[]>((a, b) => broadcastOf(a, b, call), []);
  const batches = new Set(shapes.map((shape) => shape[0] ?? null).filter((dim) => dim !== null));
  const [batch] = batches;
  return plainFacts([batches.size === 1 ? (batch ?? null) : null, ...inner], call.elementwise);
}

function broadcastOf(a: Dim[], b: Shape, call: RuleCall): Dim[] {
  return a.length === 0 ? [...b] : broadcast(a, b, call.keras);
}

/** Output: the inputs one after the other along `axis`; all other axes must agree. */
function concatenate(call: RuleCall): LayerFacts {
  const axis = call.config.integer('axis', -1, -Infinity);
  const shapes = knownShapes(call);
  const [first, ...rest] = shapes ?? [];
  if (shapes === null || first === undefined) return plainFacts(null, call.elementwise);
  const at = axisIndex(axis, first.length);
  if (at === null) throw mismatch(`axis ${axis}`, first);
  const output = first.map((dim, i) => (i === at ? sum(...shapes.map((shape) => shape[at] ?? null)) : dim));
  for (const shape of rest) {
    if (shape.length !== first.length) throw mismatch(first, shape);
    shape.forEach((dim, i) => {
      const known = output[i] ?? null;
      if (i === at || dim === null) return;
      if (known !== null && known !== dim) throw mismatch(first, shape);
      // Keras 3 takes the other axes from the first input; Keras 2 traces, and knows more
      if (call.keras === 2) output[i] = dim;
    });
  }
  return plainFacts(output, call.elementwise);
}

/** Output: both shapes without the axes that are multiplied and summed. */
function dot(call: RuleCall): LayerFacts {
  const axes = call.config.integers('axes', 2, undefined, -Infinity);
  const left = call.tensor(0).shape;
  const right = call.tensor(1).shape;
  if (left === null || right === null) return plainFacts(null, call.elementwise);
  const [a, b] = [axisIndex(axes[0] ?? -1, left.length), axisIndex(axes[1] ?? -1, right.length)];
  if (a === null || b === null) throw mismatch(left, right);
  const [summedLeft, summedRight] = [left[a] ?? null, right[b] ?? null];
  if (summedLeft !== null && summedRight !== null && summedLeft !== summedRight) throw mismatch(left, right);
  const output = [...left.filter((_, i) => i !== a), ...right.filter((_, i) => i !== b).slice(1)];
  return plainFacts(output.length === 1 ? [...output, 1] : output, call.elementwise);
}

export const mergingRules: Record<string, LayerRule> = {
  Add: elementwiseMerge,
  Subtract: elementwiseMerge,
  Multiply: elementwiseMerge,
  Average: elementwiseMerge,
  Maximum: elementwiseMerge,
  Minimum: elementwiseMerge,
  Concatenate: concatenate,
  Dot: dot,
};
