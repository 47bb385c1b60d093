/**
 * Masks that no edge of the graph shows: Keras 2, and every Sequential, hand a mask on from layer to layer
 * (`Embedding` with `mask_zero`, `Masking`). Keras 3's functional files have them as edges (`kwargs.mask`).
 */
import { SlicerError } from '../errors';
import type { Layer } from '../model/layerGraph';
import type { OpenCall, OpenTensor } from './openGraph';

/** Hand the mask of their input on. */
const PASS = new Set([
  'Activation',
  'ActivityRegularization',
  'Add',
  'AlphaDropout',
  'Average',
  'BatchNormalization',
  'Concatenate',
  'Dense',
  'Dropout',
  'ELU',
  'GaussianDropout',
  'GaussianNoise',
  'Identity',
  'LayerNormalization',
  'LeakyReLU',
  'Maximum',
  'Minimum',
  'Multiply',
  'PReLU',
  'ReLU',
  'Softmax',
  'SpatialDropout1D',
  'SpatialDropout2D',
  'SpatialDropout3D',
  'Subtract',
  'ThresholdedReLU',
  'TimeDistributed',
]);

const RECURRENT = new Set([
  'Bidirectional',
  'ConvLSTM1D',
  'ConvLSTM2D',
  'ConvLSTM3D',
  'GRU',
  'LSTM',
  'RNN',
  'SimpleRNN',
]);

/** Compute something else under a mask. */
const READ = new Set([
  ...RECURRENT,
  'AdditiveAttention',
  'Attention',
  'GlobalAveragePooling1D',
  'GroupQueryAttention',
  'MultiHeadAttention',
  'Softmax',
  'TimeDistributed',
]);

/** Calls that get a mask with one of their inputs. */
export function maskedCalls(calls: readonly OpenCall[]): ReadonlySet<OpenCall> {
  const masked = new Set<OpenCall>();
  if (calls.some(({ call }) => Object.hasOwn(call.kwargs, 'mask'))) return masked;
  const carrying = new Set<OpenCall>();
  for (const call of calls) {
    if (call.inputs.some(({ from }) => carrying.has(from))) masked.add(call);
    if (makesMask(call.layer) || (masked.has(call) && passesMask(call.layer))) carrying.add(call);
  }
  return masked;
}

/**
 * @throws SlicerError `mask-crosses` where a supplied tensor would come without the mask that a layer of the slice reads.
 */
export function refuseLostMasks(
  calls: readonly OpenCall[],
  supplied: readonly { address: string; tensor: OpenTensor }[],
  inSlice: ReadonlySet<OpenCall>,
): void {
  if (supplied.length === 0) return;
  const masked = maskedCalls(calls);
  const given = new Map(supplied.map(({ address, tensor }) => [tensor, address]));
  const lost = new Map<OpenCall, string>();
  for (const call of calls) {
    if (!inSlice.has(call) || !masked.has(call)) continue;
    for (const tensor of call.inputs) {
      const { from } = tensor;
      const address = given.get(tensor);
      const carries = makesMask(from.layer) || (masked.has(from) && passesMask(from.layer));
      const source = address !== undefined ? (carries ? address : undefined) : lost.get(from);
      if (source === undefined) continue;
      if (readsMask(call.layer))
        throw new SlicerError('mask-crosses', {
          address: source,
          neededBy: call.address,
          source: maskMaker(tensor.from),
        });
      if (passesMask(call.layer)) lost.set(call, source);
    }
  }
}

/** The layer that the mask of a call's output comes from. */
function maskMaker(call: OpenCall): string {
  let at = call;
  // back through calls that only hand it on
  for (let step = 0; !makesMask(at.layer) && step < 10_000; step++) {
    const [next] = at.inputs.filter(({ from }) => makesMask(from.layer) || passesMask(from.layer));
    if (!next) break;
    at = next.from;
  }
  return at.address;
}

function makesMask({ className, config }: Layer): boolean {
  return className === 'Masking' || (className === 'Embedding' && config.mask_zero === true);
}

function passesMask({ className, config, graph }: Layer): boolean {
  if (graph) return true;
  if (!RECURRENT.has(className)) return PASS.has(className);
  const wrapped = className === 'Bidirectional' ? config.layer : config;
  return JSON.stringify(wrapped ?? null).includes('"return_sequences":true');
}

function readsMask({ className, graph }: Layer): boolean {
  return graph !== null || READ.has(className);
}

/**
 * Calls that TF.js gives a mask that is not theirs: its executor keeps the last mask for every later call that has none
 * of its own (`kwargs.mask` in `execute`).
 * @param outputs what is computed, in order; TF.js goes back from each, the last argument of a call first.
 */
export function strayMaskCalls(calls: readonly OpenCall[], outputs: readonly OpenTensor[]): OpenCall[] {
  const masked = maskedCalls(calls);
  if (masked.size === 0) return [];
  const mine = new Set(calls);
  const stray: OpenCall[] = [];
  let last = false;
  for (const call of executionOrder(outputs, mine)) {
    if (masked.has(call)) last = true;
    else if (last && readsMask(call.layer)) stray.push(call);
  }
  return stray;
}

/** The order in which TF.js's executor makes the calls. */
function executionOrder(outputs: readonly OpenTensor[], calls: ReadonlySet<OpenCall>): OpenCall[] {
  const order: OpenCall[] = [];
  const done = new Set<OpenCall>();
  for (const { from } of outputs) {
    const open: { call: OpenCall; entered: boolean }[] = [{ call: from, entered: false }];
    for (let top = open.at(-1); top; top = open.at(-1)) {
      if (done.has(top.call) || !calls.has(top.call)) open.pop();
      else if (top.entered) {
        open.pop();
        done.add(top.call);
        order.push(top.call);
      } else {
        top.entered = true;
        for (const tensor of top.call.inputs) open.push({ call: tensor.from, entered: false });
      }
    }
  }
  return order;
}
