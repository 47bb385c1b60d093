/** The models and cuts for which every recipe is tried, in both languages. */
import { SlicerError } from '../../../../src/core/errors';
import { resolveAddress } from '../../../../src/core/model/address';
import type { ModelFile } from '../../../../src/core/model/modelFile';
import { planCut } from '../../../../src/core/slicing/sliceModel';
import type { Cut } from '../../../../src/core/slicing/slice';

export interface CaseModel {
  /** Those that its kind asks for; those that all models get come on top. */
  cuts: Cut[];
  /** Whether `npm test` runs it and docs/recipe-matrix.md shows it; the others are for `npm run conformance`. */
  shown?: true;
}

export const caseModels: Readonly<Record<string, CaseModel>> = {
  'tutorial-convnet': { cuts: [outputs('conv2d_1'), cut(['conv2d'], ['max_pooling2d_1'])], shown: true },
  'tutorial-convnet-batchnorm': { cuts: [outputs('batch_normalization'), outputs('conv2d')], shown: true },
  'tutorial-branches': { cuts: [outputs('branch_a', 'branch_b')], shown: true },
  'tutorial-custom-layer': { cuts: [outputs('my_custom_layer')], shown: true },
  'tutorial-dense': { cuts: [], shown: true },
  'tutorial-lambda-tap': { cuts: [outputs('layer_name')], shown: true },
  'tutorial-model-as-layer-functional': { cuts: [outputs('pretrained_model')], shown: true },
  'tutorial-model-as-layer-sequential': { cuts: [], shown: true },
  'tutorial-model-as-layer-frozen': { cuts: [], shown: true },
  'digits-cnn': { cuts: [outputs('conv_1', 'conv_2'), outputs('conv_1@pre')], shown: true },
  'nested-functional': { cuts: [outputs('block_b')], shown: true },
  'nested-sequential': { cuts: [outputs('features')], shown: true },
  'nested-three-deep': { cuts: [], shown: true },
  'nested-multi-io': { cuts: [outputs('inner#2', 'inner:1'), outputs('sum')], shown: true },
  'nested-list-inputs': { cuts: [outputs('p')] },
  'dict-inputs': { cuts: [] },
  'residual-block': { cuts: [outputs('bn1'), cut(['stem', 'relu1'], ['add1'])], shown: true },
  'mobilenet-block': { cuts: [outputs('stem_bn')] },
  'unet-small': { cuts: [cut(['down1', 'pool2'], [])] },
  'inception-block': { cuts: [] },
  'shared-layer': {
    cuts: [outputs('shared', 'shared#2'), outputs('pool#2'), cut(['shared', 'shared#2'], [])],
    shown: true,
  },
  siamese: { cuts: [outputs('tower#2'), cut(['tower', 'tower#2'], [])], shown: true },
  'two-inputs-two-outputs': { cuts: [outputs('value'), cut(['pool', 'meta'], [])], shown: true },
  merges: { cuts: [] },
  'text-lstm': { cuts: [outputs('lstm_state:1')], shown: true },
  'text-gru': { cuts: [] },
  'time-distributed': { cuts: [] },
  'decoder-attention': { cuts: [outputs('cross_attention:1')] },
  'transformer-block': { cuts: [] },
  bidirectional: { cuts: [] },
  'stateful-rnn': { cuts: [outputs('lstm')], shown: true },
  'variable-length': { cuts: [] },
  'ops-as-layers': { cuts: [outputs('sum'), cut(['add', 'mean'], ['head'])] },
  'odd-names': { cuts: [], shown: true },
  'frozen-layers': { cuts: [], shown: true },
  'compiled-adam': { cuts: [] },
  'mixed-precision': { cuts: [] },
  'channels-first': { cuts: [] },
  'no-weights': { cuts: [] },
  'sequential-built-late': { cuts: [] },
  'conv-lstm': { cuts: [] },
  'duplicate-classes': { cuts: [] },
};

function outputs(...addresses: string[]): Cut {
  return { outputs: addresses, inputs: [] };
}

function cut(from: string[], to: string[]): Cut {
  return { outputs: to, inputs: from };
}

/** The whole model, one layer from the middle, two outputs at once, a layer inside a nested model, and what follows from the middle. */
export function cutsOf(model: ModelFile, own: readonly Cut[]): Cut[] {
  const plan = planCut(model, { outputs: [], inputs: [] });
  const inputs = new Set(plan.inputs.map(({ address }) => address));
  const layers = plan.layers.filter((address) => !inputs.has(address));
  const outer = layers.filter((address) => resolveAddress(model.graph, address).path.length === 1);
  const inner = layers.filter((address) => {
    const { path: steps, layer } = resolveAddress(model.graph, address);
    return steps.length > 1 && layer.className !== 'InputLayer';
  });
  const middle = outer[Math.floor((outer.length - 1) / 2)];
  const last = outer.at(-1);
  const deep = inner[Math.floor(inner.length / 2)];
  const cuts: Cut[] = [{ outputs: [], inputs: [] }, ...own];
  if (middle !== undefined) cuts.push(outputs(middle));
  if (middle !== undefined && last !== undefined && middle !== last) cuts.push(outputs(middle, last));
  if (deep !== undefined) cuts.push(outputs(deep));
  if (middle !== undefined && middle !== last) cuts.push({ outputs: [], inputs: [middle] });
  const different = new Map(cuts.map((one) => [cutText(one), one]));
  return [...different.values()].filter((one) => isClosed(model, one));
}

/** `stem, relu1 → add1`; what is the model's own is left out. */
export function cutText({ inputs, outputs: wanted }: Cut): string {
  const from = inputs.length > 0 ? `${inputs.join(', ')} → ` : '';
  return from + (wanted.length > 0 ? wanted.join(', ') : inputs.length > 0 ? 'its outputs' : 'whole');
}

function isClosed(model: ModelFile, one: Cut): boolean {
  try {
    return planCut(model, one).boundary.closed;
  } catch (error) {
    if (error instanceof SlicerError) return false;
    throw error;
  }
}
