/** Keras 2's convolutions with a kernel of its own for every output position. */
import * as tf from '@tensorflow/tfjs-core';
import { activate, unknownActivation } from './activations';
import { channelsToFront, floating, range, sizeAt, type Kernel, type KernelCall } from './kernel';

/** One axis of an output position: from which input position its window starts, and where it ends. */
type Span = [number, number];

interface Window {
  first: boolean;
  /** For each spatial axis the windows of its output positions. */
  spans: Span[][];
  /** Sizes of the input's spatial axes. */
  space: number[];
  channels: number;
  filters: number;
}

function windowOf({ config }: KernelCall, x: tf.Tensor, rank: number): Window {
  const first = config.channelsFirst();
  const size = config.integers('kernel_size', rank);
  const strides = config.integers('strides', rank, 1);
  const same = config.text('padding', 'valid') === 'same';
  const space = first ? x.shape.slice(2) : x.shape.slice(1, -1);
  const spans = space.map((length, axis) => {
    const [wide, stride] = [size[axis] as number, strides[axis] as number];
    const count = same ? Math.ceil(length / stride) : Math.floor((length - wide) / stride) + 1;
    // with `same`, Keras centres the window on the position, whatever the stride
    const before = same ? Math.floor(wide / 2) : 0;
    return range(0, count).map((i): Span => {
      const start = i * stride - before;
      return [Math.max(0, start), Math.min(length, start + wide)];
    });
  });
  return { first, spans, space, channels: sizeAt(x, first ? 1 : -1), filters: config.integer('filters') };
}

/** All combinations of one item of each list, the last changing fastest. */
function combinations<T>(lists: T[][]): T[][] {
  return lists.reduce<T[][]>((found, list) => found.flatMap((head) => list.map((item) => [...head, item])), [[]]);
}

/** Implementation 1: `kernel` is `[positions, window, filters]`, each window flattened in the input's layout. */
function byPosition(x: tf.Tensor, kernel: tf.Tensor, window: Window): tf.Tensor {
  const batch = sizeAt(x, 0);
  const patches = combinations(window.spans).map((spans) => {
    const starts = spans.map(([from]) => from);
    const sizes = spans.map(([from, to]) => to - from);
    const patch = window.first
      ? tf.slice(x, [0, 0, ...starts], [batch, window.channels, ...sizes])
      : tf.slice(x, [0, ...starts, 0], [batch, ...sizes, window.channels]);
    return tf.reshape(patch, [1, batch, -1]);
  });
  // [positions, batch, filters]
  const y = tf.transpose(tf.matMul(tf.concat(patches, 0), kernel), [1, 0, 2]);
  const last = tf.reshape(y, [batch, ...window.spans.map(({ length }) => length), window.filters]);
  return window.first ? channelsToFront(last) : last;
}

/**
 * Implementations 2 and 3: one matrix from all input values to all output values, of which only the connected entries
 * count. 2 holds the whole matrix, 3 the connected entries, ordered by output and then by input.
 */
function byMatrix(x: tf.Tensor, kernel: tf.Tensor, window: Window, isSparse: boolean): tf.Tensor {
  const { first, spans, space, channels, filters } = window;
  const counts = spans.map(({ length }) => length);
  const [inputShape, outputShape] = first
    ? [
        [channels, ...space],
        [filters, ...counts],
      ]
    : [
        [...space, channels],
        [...counts, filters],
      ];
  const inputs = inputShape.reduce((a, b) => a * b, 1);
  const outputs = outputShape.reduce((a, b) => a * b, 1);
  const given = kernel.dataSync();
  const matrix = new Float32Array(inputs * outputs);
  let next = 0;
  for (let output = 0; output < outputs; output++) {
    const at = unflatten(output, outputShape);
    const position = first ? at.slice(1) : at.slice(0, -1);
    const ticks = position.map((i, axis) => range(...((spans[axis] as Span[])[i] as Span)));
    const all = range(0, channels);
    for (const index of combinations(first ? [all, ...ticks] : [...ticks, all])) {
      const entry = flatten(index, inputShape) * outputs + output;
      matrix[entry] = given[isSparse ? next++ : entry] as number;
    }
  }
  const flat = tf.reshape(x, [sizeAt(x, 0), inputs]);
  return tf.reshape(tf.matMul(flat, tf.tensor2d(matrix, [inputs, outputs])), [sizeAt(x, 0), ...outputShape]);
}

function unflatten(flat: number, shape: number[]): number[] {
  const index = shape.map(() => 0);
  let rest = flat;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] as number;
    index[axis] = rest % size;
    rest = Math.floor(rest / size);
  }
  return index;
}

function flatten(index: number[], shape: number[]): number {
  return index.reduce((flat, i, axis) => flat * (shape[axis] as number) + i, 0);
}

function locallyConnected(rank: 1 | 2): Kernel {
  return {
    run(call) {
      const { config, keras } = call;
      const x = floating(call.input());
      const window = windowOf(call, x, rank);
      const implementation = config.integer('implementation', 1);
      const y =
        implementation === 1
          ? byPosition(x, call.weight(0), window)
          : byMatrix(x, call.weight(0), window, implementation === 3);
      if (!config.flag('use_bias', true)) return activate(y, config, keras);
      // `[...positions, filters]` in both layouts: with channels first, Keras reads the values as if they stood the other way
      return activate(tf.add(y, tf.reshape(call.weight(1), [1, ...y.shape.slice(1)])), config, keras);
    },
    mask: 'drop',
    refuses: (config, keras) => unknownActivation(config, keras, 'activation'),
  };
}

export const locallyConnectedKernels: Record<string, Kernel> = {
  LocallyConnected1D: locallyConnected(1),
  LocallyConnected2D: locallyConnected(2),
};
