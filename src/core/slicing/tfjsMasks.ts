/**
 * Which mask plain TF.js hands to each call of a slice, and whether it is the one that the call should have. Its executor
 * (`execute`) keeps the arguments of one call for those after it: a mask, and initial states, reach calls that have none
 * of their own; into a nested model they come only in this way, and out of it not at all.
 */
import { isJsonObject } from '../model/json';
import type { Layer, LayerCall } from '../model/layerGraph';
import { joinsLastAxis, madeMask, maskFlow, type MaskFlow } from './maskFlow';
import { BROKEN, hides, NO_MASK, sameMask, type MaskId } from './maskIds';
import { isRecurrent, makesMask, maskArguments, maskRule, readsMask } from './maskRules';
import type { ModelMasks } from './masks';
import { openGraph, type OpenCall, type OpenTensor } from './openGraph';
import { tfjsVerdict } from './tfjsLimits';

export interface SliceMasks {
  /** Calls whose mask arguments can be left out: what runs along with their first input is the same mask. */
  implied: ReadonlySet<LayerCall>;
  /** Layers that a mask reaches in some call. */
  masked: ReadonlySet<Layer>;
  /** Where plain TF.js computes something else; `address` is a layer's. */
  problems: { address: string; reason: string }[];
}

/** Masks of a slice's own calls; what it is cut from is in `masks`. */
export function sliceMasks(
  masks: ModelMasks,
  keras: 2 | 3,
  slice: { outputs: readonly OpenTensor[]; supplied: readonly OpenTensor[]; suppliedAt: readonly string[] },
): SliceMasks {
  const given = new Set(slice.suppliedAt.flatMap((address) => masks.tensorAt(address) ?? []));
  const flow = maskFlow(masks.opened.calls, keras, masks.ids, given, true);
  const executor = new Executor(masks, flow, keras);
  executor.run(slice.outputs, new Set(slice.supplied), '', null);
  return executor;
}

/** The arguments that TF.js passes on from call to call (`kwargs`). */
interface Arguments {
  mask: MaskId;
  /** Address of the call whose initial states are among them. */
  states: string | null;
}

/** Recurrent layers in plain TF.js, and what else it hands a mask to. */
const READS = new Set(['Bidirectional', 'ConvLSTM2D', 'GRU', 'LSTM', 'RNN', 'SimpleRNN', 'Softmax']);

/** `supportsMasking`: these hand on the mask of their first input. */
export const TFJS_PASSES_MASKS: ReadonlySet<string> = new Set([
  'Activation',
  'AlphaDropout',
  'BatchNormalization',
  'Dense',
  'Dropout',
  'GaussianDropout',
  'GaussianNoise',
  'LayerNormalization',
  'PReLU',
  'ReLU',
  'SpatialDropout1D',
  'TimeDistributed',
]);

class Executor implements SliceMasks {
  readonly implied = new Set<LayerCall>();
  readonly masked = new Set<Layer>();
  readonly problems: SliceMasks['problems'] = [];
  private readonly notImplied = new Set<LayerCall>();
  private readonly nested = new Map<Layer, OpenTensor[]>();

  constructor(
    private readonly whole: ModelMasks,
    private readonly flow: MaskFlow,
    private readonly keras: 2 | 3,
  ) {}

  /** @param shared the arguments so far; null: there are none until a call has a mask. */
  run(
    outputs: readonly OpenTensor[],
    supplied: ReadonlySet<OpenTensor>,
    prefix: string,
    shared: Arguments | null,
  ): void {
    const masks = new Map<OpenTensor, MaskId>();
    let given = shared;
    for (const tensor of executionOrder(outputs, supplied)) {
      const call = tensor.from;
      const inputs = dataInputs(call).map((input) => masks.get(input) ?? NO_MASK);
      if (inputs.some((id) => id !== NO_MASK)) {
        given ??= { mask: NO_MASK, states: null };
        given.mask = inputs[0] ?? NO_MASK;
      }
      if (call.layer.graph) this.enter(call, prefix, given);
      else this.check(call, prefix, inputs, given);
      // masks do not come out of a nested model
      const handedOn = call.layer.graph ? NO_MASK : this.handedOn(call, prefix, inputs);
      for (const output of call.outputs) if (!masks.has(output)) masks.set(output, handedOn);
    }
  }

  private enter(call: OpenCall, prefix: string, given: Arguments | null): void {
    const { layer, address } = call;
    if (!layer.graph) return;
    const inside = `${prefix}${address}/`;
    if (maskArguments(call.call).length > 0) this.judgeArgument(call, prefix, true);
    const outputs = this.nested.get(layer) ?? openGraph(layer.graph, new Set()).outputs;
    this.nested.set(layer, outputs);
    this.run(outputs, new Set(), inside, given ?? { mask: NO_MASK, states: null });
  }

  private check(call: OpenCall, prefix: string, inputs: readonly MaskId[], given: Arguments | null): void {
    const { layer } = call;
    const whole = this.whole.callOf(call, prefix);
    const address = `${prefix}${call.address}`;
    const handed = given?.mask ?? NO_MASK;
    const due = whole ? this.flow.of(whole) : { read: NO_MASK, inputs: [], isArgument: false };
    if ([due.read, ...due.inputs, ...inputs].some(hides)) this.masked.add(layer);
    const reads = READS.has(layer.className) && layer.isLayer;
    const isRight = !reads || sameMask(handed, due.read);
    if (due.isArgument) {
      const isImplied = !readsMask(layer) || sameMask(due.inputs[0] ?? NO_MASK, due.read);
      this.judgeArgument(call, prefix, isImplied && isRight);
    } else if (!isRight) this.problem(call, prefix, wrongMask(handed, due.read));
    else if (layer.className === 'TimeDistributed' && hides(handed) && readsInside(layer))
      this.problem(call, prefix, 'TF.js hands the mask to the layer inside as it is');
    if (isRecurrent(layer)) this.checkStates(call, prefix, address, given);
  }

  private checkStates(call: OpenCall, prefix: string, address: string, given: Arguments | null): void {
    if (!given) return;
    if (given.states !== null) this.problem(call, prefix, `TF.js hands it the initial states of ${given.states}`);
    else if (dataInputs(call).length > 1) given.states = address;
  }

  /** A mask argument stays where TF.js would not hand on the same by itself. */
  private judgeArgument(call: OpenCall, prefix: string, isImplied: boolean): void {
    if (isImplied) {
      if (!this.notImplied.has(call.call)) this.implied.add(call.call);
      return;
    }
    this.notImplied.add(call.call);
    this.implied.delete(call.call);
    this.problem(call, prefix, 'TF.js cannot be given its mask, and would not hand on the same by itself');
  }

  private handedOn(call: OpenCall, prefix: string, inputs: readonly MaskId[]): MaskId {
    const { layer } = call;
    const [first = NO_MASK] = inputs;
    const { ids } = this.whole;
    if (!layer.isLayer) return NO_MASK;
    if (makesMask(layer)) {
      const whole = this.whole.callOf(call, prefix);
      return whole ? madeMask(whole, ids) : NO_MASK;
    }
    if (inputs.every((id) => id === NO_MASK)) return NO_MASK;
    const className = this.classInTfjs(call);
    if (TFJS_PASSES_MASKS.has(className)) return first;
    if (isRecurrent(layer)) return maskRule(layer) === 'drop' ? NO_MASK : first;
    if (className === 'Concatenate') {
      if (inputs.includes(BROKEN)) this.problem(call, prefix, 'TF.js cannot put its masks together');
      const known = inputs.filter((id) => id !== NO_MASK);
      return joinsLastAxis(call) ? known.reduce((a, b) => ids.and(a, b)) : BROKEN;
    }
    if (maskRule(layer) !== 'merge') return NO_MASK;
    if (inputs.length > 2 && inputs.slice(0, -1).includes(NO_MASK))
      this.problem(call, prefix, 'TF.js cannot put its masks together');
    return first === NO_MASK ? NO_MASK : BROKEN;
  }

  /** The class as which a layer is written. */
  private classInTfjs(call: OpenCall): string {
    const { plain } = tfjsVerdict(call, call.layer.name, true, this.keras);
    return plain.state === 'rewritten' ? plain.className : call.layer.className;
  }

  private problem({ layerAddress }: OpenCall, prefix: string, reason: string): void {
    const address = `${layersOnly(prefix)}${layerAddress}`;
    if (!this.problems.some((item) => item.address === address && item.reason === reason))
      this.problems.push({ address, reason });
  }
}

function wrongMask(handed: MaskId, due: MaskId): string {
  if (!hides(due)) return 'TF.js hands it the mask of another branch';
  return hides(handed) ? 'TF.js hands it another mask than Keras' : 'TF.js does not hand it its mask';
}

function readsInside({ config }: Layer): boolean {
  const inside = isJsonObject(config.layer) ? config.layer.class_name : null;
  return typeof inside === 'string' && READS.has(inside);
}

/** `tower#2/` as an address of layers: calls are left out. */
function layersOnly(prefix: string): string {
  return prefix.replace(/((?:^|[^\\])(?:\\\\)*)#\d+(?=\/)/g, '$1');
}

/** What a call reads, masks that are arguments left out. */
function dataInputs({ call, inputs }: OpenCall): OpenTensor[] {
  const masks = new Set(maskArguments(call));
  return inputs.filter((_, i) => !masks.has(i));
}

/** The order in which TF.js computes tensors; it goes back from each output, the last argument of a call first. */
function executionOrder(outputs: readonly OpenTensor[], supplied: ReadonlySet<OpenTensor>): OpenTensor[] {
  const order: OpenTensor[] = [];
  const done = new Set<OpenTensor>();
  for (const output of outputs) {
    const open: { tensor: OpenTensor; entered: boolean }[] = [{ tensor: output, entered: false }];
    for (let top = open.at(-1); top; top = open.at(-1)) {
      const { tensor } = top;
      const { from } = tensor;
      if (done.has(tensor) || supplied.has(tensor) || from.layer.className === 'InputLayer') open.pop();
      else if (top.entered) {
        open.pop();
        done.add(tensor);
        order.push(tensor);
      } else {
        top.entered = true;
        for (const input of dataInputs(from)) open.push({ tensor: input, entered: false });
      }
    }
  }
  return order;
}
