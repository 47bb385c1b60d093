/** What plain TF.js makes of a call. */
import type { PlainTfjs } from '../layers/catalogue';
import { layerFacts } from '../layers/layerFacts';
import { plainTfjs } from '../layers/plainTfjs';
import { isJsonObject, type JsonObject } from '../model/json';
import type { Layer, LayerCall, TensorInfo } from '../model/layerGraph';
import { isMaskKeyword, isRecurrent } from './maskRules';
import { tensorInfo, type OpenCall } from './openGraph';
import { inputConfig, type SliceInput } from './sliceInput';

/** Compute something else in training mode. */
const TRAINING = new Set([
  'AlphaDropout',
  'BatchNormalization',
  'Dropout',
  'GaussianDropout',
  'GaussianNoise',
  'SpatialDropout1D',
  'SpatialDropout2D',
  'SpatialDropout3D',
]);

export interface Verdict {
  plain: PlainTfjs;
  /** Why plain TF.js cannot make the call, whatever its layer's class and config; null where it can. */
  limit: string | null;
}

/** Layers mostly stand in a slice as they stand in the model: then the answer is the same for every cut. */
const verdicts = new WeakMap<LayerCall, KnownVerdict>();

interface KnownVerdict extends Verdict {
  masked: boolean | null;
  keras: 2 | 3;
  inputs: readonly TensorInfo[];
}

/**
 * @param name the layer's in the slice.
 * @param masked whether a mask reaches the layer; null: nothing in the model makes one.
 */
export function tfjsVerdict(call: OpenCall, name: string, masked: boolean | null, keras: 2 | 3): Verdict {
  const { layer } = call;
  const isOwn = name === layer.name;
  const known = isOwn ? verdicts.get(call.call) : undefined;
  if (known?.masked === masked && known.keras === keras && readsSame(call, known.inputs)) return known;
  const inputs = call.inputs.map(tensorInfo);
  // masks that are arguments are judged with the masks
  const kwargs =
    masked === null
      ? call.call.kwargs
      : Object.fromEntries(Object.entries(call.call.kwargs).filter(([key]) => !isMaskKeyword(key)));
  const asked = { className: layer.className, config: { ...layer.config, name }, kwargs, masked: masked === true };
  const made = { plain: plainTfjs(asked, keras, inputs), limit: tfjsLimit(call, keras), masked, keras, inputs };
  if (isOwn) verdicts.set(call.call, made);
  return made;
}

/** Inside a nested model that is called twice the shapes may differ. */
function readsSame({ inputs }: OpenCall, known: readonly TensorInfo[]): boolean {
  return inputs.length === known.length && inputs.every((tensor, i) => tensorInfo(tensor) === known[i]);
}

/** Why plain TF.js cannot make a call, or would compute something else; null where it can. */
export function tfjsLimit(call: OpenCall, keras: 2 | 3): string | null {
  const { layer } = call;
  const inputs = call.inputs.map(tensorInfo);
  // Keras 3 puts the mode of the run before it
  if (keras === 2 && trains(call)) return 'it is called in training mode, which TF.js leaves out';
  if (isStateful(layer) && typeof inputs[0]?.shape?.[0] !== 'number')
    return 'TF.js needs a fixed batch size for a stateful layer';
  if (layer.weights.length === 0 || !layer.isLayer) return null;
  const { className, config } = layer;
  const facts = layerFacts({ className, config, keras, inputs, args: call.call.args, kwargs: call.call.kwargs });
  return facts !== null && facts.weights === null
    ? 'TF.js needs the sizes that its weights have, and nothing says them for what it reads'
    : null;
}

/** Why plain TF.js cannot have a tensor as an input of a model. */
export function inputLimit(input: SliceInput): string | null {
  if (tensorInfo(input.tensor).shape === null) return 'its number of axes is not known, which TF.js needs of an input';
  const config = { ...input.layer?.config, ...inputConfig(input, 'input') };
  const verdict = plainTfjs({ className: 'InputLayer', config }, 3, []);
  return verdict.state === 'lacks' ? verdict.reason : null;
}

/** Whether a layer keeps its states from run to run. */
export function isStateful(layer: Layer): boolean {
  return isRecurrent(layer) && (layer.config.stateful === true || wrappedConfig(layer.config).stateful === true);
}

/** Whether a call says that it runs in training mode, and computes something else there. */
export function trains({ layer, call }: OpenCall): boolean {
  if (layer.graph === null && !TRAINING.has(layer.className)) return false;
  const training = Object.hasOwn(call.kwargs, 'training') ? call.kwargs.training : undefined;
  return training?.kind === 'constant' && (training.value === true || training.value === 1);
}

function wrappedConfig(config: JsonObject): JsonObject {
  const layer = isJsonObject(config.layer) ? config.layer : {};
  return isJsonObject(layer.config) ? layer.config : {};
}
