/** Einstein sums of two tensors by transposing and one batched matrix product: the wasm backend has no Einsum. */
import * as tf from '@tensorflow/tfjs-core';

/**
 * `equation`: `ab,bc->ac`, with `...` allowed on both sides of the arrow. Each letter stands once per operand.
 * Returns a tensor whose axes are those of the right side.
 */
export function einsum(equation: string, a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const { left, right, out } = parse(equation, a.rank, b.rank);
  const sizes = new Map<string, number>();
  left.forEach((axis, i) => sizes.set(axis, a.shape[i] ?? 1));
  right.forEach((axis, i) => sizes.set(axis, b.shape[i] ?? 1));

  // letters that only one operand has and that the result lacks are summed at once
  const [a1, left1] = sumAway(a, left, (axis) => right.includes(axis) || out.includes(axis));
  const [b1, right1] = sumAway(b, right, (axis) => left.includes(axis) || out.includes(axis));

  const batch = left1.filter((axis) => right1.includes(axis) && out.includes(axis));
  const contracted = left1.filter((axis) => right1.includes(axis) && !out.includes(axis));
  const freeLeft = left1.filter((axis) => !right1.includes(axis));
  const freeRight = right1.filter((axis) => !left1.includes(axis));
  const size = (axes: string[]): number => axes.reduce((product, axis) => product * (sizes.get(axis) ?? 1), 1);

  const x = tf.reshape(ordered(a1, left1, [...batch, ...freeLeft, ...contracted]), [
    size(batch),
    size(freeLeft),
    size(contracted),
  ]);
  const y = tf.reshape(ordered(b1, right1, [...batch, ...contracted, ...freeRight]), [
    size(batch),
    size(contracted),
    size(freeRight),
  ]);
  const axes = [...batch, ...freeLeft, ...freeRight];
  const product = tf.reshape(
    tf.matMul(x, y),
    axes.map((axis) => sizes.get(axis) ?? 1),
  );
  return ordered(product, axes, out);
}

function parse(equation: string, rankA: number, rankB: number): { left: string[]; right: string[]; out: string[] } {
  const [inputs = '', output = ''] = equation.replace(/\s/g, '').split('->');
  const [textA = '', textB = ''] = inputs.split(',');
  const dots = Math.max(
    textA.includes('...') ? rankA - (textA.length - 3) : 0,
    textB.includes('...') ? rankB - (textB.length - 3) : 0,
  );
  // digits name the axes behind the dots: letters are taken
  const expanded = (text: string): string[] =>
    Array.from(text.replace('...', Array.from({ length: dots }, (_, i) => String(i)).join('')));
  return { left: expanded(textA), right: expanded(textB), out: expanded(output) };
}

function sumAway(x: tf.Tensor, axes: string[], keep: (axis: string) => boolean): [tf.Tensor, string[]] {
  const drop = axes.flatMap((axis, i) => (keep(axis) ? [] : [i]));
  return drop.length === 0 ? [x, axes] : [tf.sum(x, drop), axes.filter(keep)];
}

function ordered(x: tf.Tensor, from: string[], to: string[]): tf.Tensor {
  const permutation = to.map((axis) => from.indexOf(axis));
  return permutation.every((axis, i) => axis === i) ? x : tf.transpose(x, permutation);
}
