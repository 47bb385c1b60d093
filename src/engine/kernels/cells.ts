/** Recurrent cells: one step each. Weights come in the order of Keras's `layer.weights`. */
import * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import type { NestedLayer } from '../../core/layers/configReader';
import { activate, activationOf, unknownActivation } from './activations';
import { dense } from './denseProduct';
import { convolve } from './convolution';
import { channelsToEnd, channelsToFront, KernelConfig, range, sizeAt } from './kernel';

export interface Cell {
  /** What a step needs of its input, for many steps at once: `[batch·steps, ...]` → `[batch·steps, ...]`. */
  project(x: tf.Tensor): tf.Tensor;
  /** Zeros to start with, for the (projected) input of one step. */
  initialStates(projected: tf.Tensor): tf.Tensor[];
  step(projected: tf.Tensor, states: tf.Tensor[]): { output: tf.Tensor; states: tf.Tensor[] };
}

/** Hands out a layer's weights one after the other. */
export type TakeWeight = () => tf.Tensor;

export function takeFrom(weights: tf.Tensor[]): TakeWeight {
  let next = 0;
  return () => {
    const weight = weights[next++];
    if (!weight) throw new SlicerError('internal', { reason: 'a recurrent layer lacks a weight' });
    return weight;
  };
}

/** Null for a cell that nobody here knows. */
export function cellOf({ className, config }: NestedLayer, keras: 2 | 3, take: TakeWeight): Cell | null {
  const name = className.replace(/Cell$/, '');
  const maker = Object.hasOwn(makers, name) ? makers[name] : undefined;
  return maker ? maker(new KernelConfig(config), keras, take) : null;
}

/** Why a cell cannot run; null when it can. */
export function refusesCell({ className, config }: NestedLayer, keras: 2 | 3): string | null {
  const name = className.replace(/Cell$/, '');
  const reader = new KernelConfig(config);
  if (name === 'StackedRNNCells' || name === 'StackedRNNs') {
    return reader.layers('cells').reduce<string | null>((found, cell) => found ?? refusesCell(cell, keras), null);
  }
  if (!Object.hasOwn(makers, name)) return `unknown cell ${className}`;
  return unknownActivation(
    reader,
    keras,
    ...('recurrent_activation' in config ? ['activation', 'recurrent_activation'] : ['activation']),
  );
}

type CellMaker = (config: KernelConfig, keras: 2 | 3, take: TakeWeight) => Cell;

const zeros = (projected: tf.Tensor, units: number): tf.Tensor => tf.zeros([sizeAt(projected, 0), units]);

const simple: CellMaker = (config, keras, take) => {
  const units = config.integer('units');
  const [kernel, recurrent] = [take(), take()];
  const bias = config.flag('use_bias', true) ? take() : null;
  return {
    project: (x) => dense(x, kernel, bias),
    initialStates: (projected) => [zeros(projected, units)],
    step(projected, states) {
      const h = tf.add(projected, tf.matMul(states[0] as tf.Tensor2D, recurrent as tf.Tensor2D));
      const output = activate(h, config, keras);
      return { output, states: [output] };
    },
  };
};

/** Gates in the order input, forget, candidate, output. */
const lstm: CellMaker = (config, keras, take) => {
  const units = config.integer('units');
  const [kernel, recurrent] = [take(), take()];
  const bias = config.flag('use_bias', true) ? take() : null;
  const gate = gateOf(config, keras);
  return {
    project: (x) => dense(x, kernel, bias),
    initialStates: (projected) => [zeros(projected, units), zeros(projected, units)],
    step(projected, [h, c]) {
      const z = tf.add(projected, tf.matMul(h as tf.Tensor2D, recurrent as tf.Tensor2D));
      const [i, f, g, o] = tf.split(z, 4, -1) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const carry = tf.add(tf.mul(gate(f), c as tf.Tensor), tf.mul(gate(i), activate(g, config, keras)));
      const output = tf.mul(gate(o), activate(carry, config, keras));
      return { output, states: [output, carry] };
    },
  };
};

/** Gates in the order update, reset, candidate. */
const gru: CellMaker = (config, keras, take) => {
  const units = config.integer('units');
  const [kernel, recurrent] = [take(), take()];
  const bias = config.flag('use_bias', true) ? take() : null;
  const gate = gateOf(config, keras);
  // files of Keras 1 and of TF.js do not say: there the bias has one row
  const resetAfter = config.flag('reset_after', bias !== null && bias.rank === 2);
  const [inputBias, recurrentBias] =
    bias === null ? [null, null] : bias.rank === 2 ? (tf.unstack(bias) as [tf.Tensor, tf.Tensor]) : [bias, null];
  return {
    project: (x) => plusBias(dense(x, kernel, null), inputBias),
    initialStates: (projected) => [zeros(projected, units)],
    step(projected, states) {
      const h = states[0] as tf.Tensor2D;
      const [xz, xr, xh] = tf.split(projected, 3, -1) as [tf.Tensor, tf.Tensor, tf.Tensor];
      let z: tf.Tensor;
      let candidate: tf.Tensor;
      if (resetAfter) {
        const inner = plusBias(dense(h, recurrent, null), recurrentBias);
        const [rz, rr, rh] = tf.split(inner, 3, -1) as [tf.Tensor, tf.Tensor, tf.Tensor];
        z = gate(tf.add(xz, rz));
        candidate = tf.add(xh, tf.mul(gate(tf.add(xr, rr)), rh));
      } else {
        const gates = tf.slice2d(recurrent as tf.Tensor2D, [0, 0], [units, 2 * units]);
        const last = tf.slice2d(recurrent as tf.Tensor2D, [0, 2 * units], [units, units]);
        const [rz, rr] = tf.split(tf.matMul(h, gates), 2, -1) as [tf.Tensor, tf.Tensor];
        z = gate(tf.add(xz, rz));
        candidate = tf.add(xh, tf.matMul(tf.mul(gate(tf.add(xr, rr)), h), last));
      }
      const output = tf.add(tf.mul(z, h), tf.mul(tf.sub(1, z), activate(candidate, config, keras)));
      return { output, states: [output] };
    },
  };
};

// not fused: the wasm backend looks at the shape that the bias had before it was taken apart
function plusBias(x: tf.Tensor, bias: tf.Tensor | null): tf.Tensor {
  return bias ? tf.add(x, bias) : x;
}

function gateOf(config: KernelConfig, keras: 2 | 3): (x: tf.Tensor) => tf.Tensor {
  const activation = activationOf(
    config.raw('recurrent_activation') ?? (keras === 3 ? 'sigmoid' : 'hard_sigmoid'),
    keras,
  );
  if (!activation) throw config.bad('recurrent_activation');
  return activation;
}

const stacked: CellMaker = (config, keras, take) => {
  const cells = config.layers('cells').map((layer) => {
    const cell = cellOf(layer, keras, take);
    if (!cell) throw config.bad('cells');
    return cell;
  });
  const [first] = cells;
  if (!first) throw config.bad('cells');
  let counts: number[] | null = null;
  return {
    project: (x) => first.project(x),
    initialStates(projected) {
      // later cells are projected from the outputs before them: only their sizes are needed here
      const all: tf.Tensor[][] = [];
      let input = projected;
      cells.forEach((cell, i) => {
        const ready = i === 0 ? input : cell.project(input);
        const states = cell.initialStates(ready);
        all.push(states);
        input = cell.step(ready, states).output;
      });
      counts = all.map((states) => states.length);
      return all.flat();
    },
    step(projected, states) {
      const lengths = counts ?? cells.map(() => states.length / cells.length);
      let output = projected;
      let from = 0;
      const next: tf.Tensor[] = [];
      cells.forEach((cell, i) => {
        const count = lengths[i] as number;
        const ready = i === 0 ? output : cell.project(output);
        const result = cell.step(ready, states.slice(from, from + count));
        from += count;
        output = result.output;
        next.push(...result.states);
      });
      return { output, states: next };
    },
  };
};

/** ConvLSTM of one to three spatial axes; states and outputs are channels-last inside. */
export function convLstm(rank: 1 | 2 | 3): CellMaker {
  return (config, keras, take) => {
    const strides = config.integers('strides', rank, 1);
    const dilation = config.integers('dilation_rate', rank, 1);
    const padding = config.choice('padding', ['valid', 'same'] as const, 'valid');
    const [kernel, recurrent] = [take(), take()];
    const bias = config.flag('use_bias', true) ? take() : null;
    const gate = gateOf(config, keras);
    const ones = range(0, rank).map(() => 1);
    return {
      project(x) {
        const last = config.channelsFirst() ? channelsToEnd(x) : x;
        const y = convolve(last, kernel, { strides, dilation, padding });
        return bias ? tf.add(y, bias) : y;
      },
      initialStates(projected) {
        const shape = [...projected.shape.slice(0, -1), sizeAt(projected, -1) / 4];
        return [tf.zeros(shape), tf.zeros(shape)];
      },
      step(projected, [h, c]) {
        const z = tf.add(
          projected,
          convolve(h as tf.Tensor, recurrent, { strides: ones, dilation: ones, padding: 'same' }),
        );
        const [i, f, g, o] = tf.split(z, 4, -1) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
        const carry = tf.add(tf.mul(gate(f), c as tf.Tensor), tf.mul(gate(i), activate(g, config, keras)));
        const output = tf.mul(gate(o), activate(carry, config, keras));
        return { output, states: [output, carry] };
      },
    };
  };
}

/** A `[batch, steps, channels, ...space]` layout back from channels-last. */
export function framesToFront(x: tf.Tensor): tf.Tensor {
  const merged = tf.reshape(x, [sizeAt(x, 0) * sizeAt(x, 1), ...x.shape.slice(2)]);
  const moved = channelsToFront(merged);
  return tf.reshape(moved, [sizeAt(x, 0), sizeAt(x, 1), ...moved.shape.slice(1)]);
}

const makers: Record<string, CellMaker> = {
  SimpleRNN: simple,
  LSTM: lstm,
  GRU: gru,
  StackedRNNCells: stacked,
  ConvLSTM1D: convLstm(1),
  ConvLSTM2D: convLstm(2),
  ConvLSTM3D: convLstm(3),
};
