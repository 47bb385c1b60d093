/** Recurrent layers: a loop over time around a cell. Stateful ones start from zero in every run. */
import * as tf from '@tensorflow/tfjs-core';
import type { NestedLayer } from '../../core/layers/configReader';
import { cellOf, framesToFront, refusesCell, takeFrom } from './cells';
import type { KernelConfig } from './kernel';
import {
  channelsToEnd,
  channelsToFront,
  floating,
  range,
  sizeAt,
  type ArgumentValue,
  type Kernel,
  type KernelCall,
} from './kernel';

export interface RecurrentResult {
  /** The last step's. */
  last: tf.Tensor;
  /** `[batch, steps, ...]`, in the order of computation; null when nobody asked. */
  sequence: tf.Tensor | null;
  states: tf.Tensor[];
}

export interface RecurrentParts {
  className: string;
  config: KernelConfig;
  keras: 2 | 3;
  /** `[batch, steps, ...]` */
  x: tf.Tensor;
  /** `[batch, steps]`, true where there is a step. */
  mask: tf.Tensor | null;
  initial: tf.Tensor[];
  weights: tf.Tensor[];
}

/** The cell of a recurrent layer: named by `RNN`, else the layer itself. */
function cellLayer(className: string, config: KernelConfig): NestedLayer {
  if (className !== 'RNN') return { className, config: config.config };
  const cell = config.raw('cell');
  return Array.isArray(cell) ? { className: 'StackedRNNCells', config: { cells: cell } } : config.cell('cell');
}

/** `kept`: what a masked step leaves standing; `next`: the states after it. */
type Step = { kept: tf.Tensor; output: tf.Tensor; next: tf.Tensor[] };

/** Runs the layer over all steps. */
export function recur({
  className,
  config,
  keras,
  x: given,
  mask: givenMask,
  initial,
  weights,
}: RecurrentParts): RecurrentResult {
  const cell = cellOf(cellLayer(className, config), keras, takeFrom(weights));
  if (!cell) throw config.bad('cell');
  const sequenceWanted = config.flag('return_sequences', false);
  const backwards = config.flag('go_backwards', false);
  const zeroOutput = config.flag('zero_output_for_mask', false);
  const x = floating(given);
  const [batch, steps] = [sizeAt(x, 0), sizeAt(x, 1)];
  // what does not depend on the state is computed for all steps at once
  const flat = cell.project(tf.reshape(x, [batch * steps, ...x.shape.slice(2)]));
  const projected = tf.unstack(tf.reshape(flat, [batch, steps, ...flat.shape.slice(1)]), 1);
  const masks = givenMask ? tf.unstack(tf.cast(givenMask, 'bool'), 1) : null;
  let states = initial.length > 0 ? initial : cell.initialStates(projected[0] as tf.Tensor);
  let last: tf.Tensor | null = null;
  const outputs: tf.Tensor[] = [];
  for (let i = 0; i < steps; i++) {
    const at = backwards ? steps - 1 - i : i;
    const before: { last: tf.Tensor | null; states: tf.Tensor[] } = { last, states };
    const { kept, output, next } = tf.tidy((): Step => {
      const result = cell.step(projected[at] as tf.Tensor, before.states);
      const mask = masks?.[at];
      if (!mask) return { kept: result.output, output: result.output, next: result.states };
      const old = before.last ?? tf.zerosLike(result.output);
      const kept = choose(mask, result.output, old);
      return {
        kept,
        output: zeroOutput ? choose(mask, result.output, tf.zerosLike(result.output)) : kept,
        next: result.states.map((state, k) => choose(mask, state, before.states[k] as tf.Tensor)),
      };
    });
    last = zeroOutput ? output : kept;
    states = next;
    if (sequenceWanted) outputs.push(output);
  }
  return { last: last as tf.Tensor, sequence: sequenceWanted ? tf.stack(outputs, 1) : null, states };
}

/** `where` with a mask per example. */
function choose(mask: tf.Tensor, yes: tf.Tensor, no: tf.Tensor): tf.Tensor {
  const wide = tf.reshape(mask, [sizeAt(mask, 0), ...yes.shape.slice(1).map(() => 1)]);
  const full = tf.cast(tf.mul(tf.cast(wide, 'int32'), tf.onesLike(tf.cast(yes, 'int32'))), 'bool');
  return tf.where(full, yes, no);
}

/** The initial state, as a keyword or as further positional tensors. */
export function initialStates(call: KernelCall): tf.Tensor[] {
  const named = flattenTensors(call.named('initial_state'));
  return named.length > 0 ? named : call.inputs.slice(1);
}

function flattenTensors(value: ArgumentValue): tf.Tensor[] {
  if (value instanceof tf.Tensor) return [value];
  return Array.isArray(value) ? value.flatMap(flattenTensors) : [];
}

/** `[batch, channels, ...]` states and outputs for channels_first convolutional layers. */
function inLayout(result: RecurrentResult, first: boolean): RecurrentResult {
  if (!first) return result;
  return {
    last: channelsToFront(result.last),
    sequence: result.sequence ? framesToFront(result.sequence) : null,
    states: result.states.map(channelsToFront),
  };
}

/** Swaps time and batch: Keras 2's `time_major`. */
function batchFirst(x: tf.Tensor): tf.Tensor {
  return tf.transpose(x, [1, 0, ...range(2, x.rank)]);
}

function recurrentLayer(className: string): Kernel {
  return {
    run(call) {
      const { config, keras } = call;
      const first = className.startsWith('ConvLSTM') && config.channelsFirst();
      const initial = initialStates(call).map((state) => (first ? channelsToEnd(state) : state));
      const weights = call.parts.weights.map(({ tensor }) => tensor);
      const turned = config.flag('time_major', false);
      const [given, mask] = [call.input(), call.mask()];
      const x = turned ? batchFirst(given) : given;
      const parts = { className, config, keras, x, mask: turned && mask ? batchFirst(mask) : mask, initial, weights };
      const { last, sequence, states } = inLayout(recur(parts), first);
      const output = turned && sequence ? batchFirst(sequence) : (sequence ?? last);
      return config.flag('return_state', false) ? [output, ...states] : output;
    },
    mask: (call, outputs) => {
      const masks: (tf.Tensor | null)[] = Array.from({ length: outputs }, () => null);
      if (call.config.flag('return_sequences', false)) masks[0] = call.mask();
      return masks;
    },
    refuses: (config, keras) => refusesRecurrent(className, config, keras),
  };
}

export function refusesRecurrent(className: string, config: KernelConfig, keras: 2 | 3): string | null {
  return refusesCell(cellLayer(className, config), keras);
}

export const recurrentClasses = ['SimpleRNN', 'LSTM', 'GRU', 'RNN', 'ConvLSTM1D', 'ConvLSTM2D', 'ConvLSTM3D'];

export const recurrentKernels: Record<string, Kernel> = Object.fromEntries(
  recurrentClasses.map((className) => [className, recurrentLayer(className)]),
);
