/** Why TypeScript cannot do something with a model's own tensors, as ends of sentences; null where it can. */
import { resolveAddress } from '../model/address';
import { kerasMajor } from '../model/kerasMajor';
import type { ModelFile } from '../model/modelFile';
import { NO_MASK } from '../slicing/maskIds';
import { modelMasks } from '../slicing/masks';
import type { OpenTensor } from '../slicing/openGraph';
import type { CodeTask } from './codeTask';
import { lacksOfTfjs } from './customLayers';
import { isOwnInput } from './savedSlice';

export function firstReason(...reasons: readonly (string | null)[]): string | null {
  return reasons.find((reason) => reason !== null) ?? null;
}

/** A tensor inside a layer is no layer's output. */
export function insideLayer({ model, plan }: CodeTask): string | null {
  const inside = [...plan.outputs, ...plan.inputs].find(
    ({ address }) => resolveAddress(model.graph, address).inner !== null,
  );
  return inside
    ? `${inside.address} is inside a layer, which hands out only its output: save the slice and load that`
    : null;
}

/** Classes of the user's own are there where the file itself is loaded; in no slice. */
export function notComputable({ model, plan, fileProblem }: CodeTask): string | null {
  const [lack] = fileProblem === null ? lacksOfTfjs(model, plan) : plan.notExportable;
  return lack ? `TF.js cannot compute ${lack.address}: ${lack.reason}` : null;
}

export function startsInside(task: CodeTask): string | null {
  const inside = task.plan.inputs.find(({ address }) => !isOwnInput(task, address));
  return inside
    ? `the cut starts at ${inside.address}, inside the model, and a TF.js model starts at its inputs: save the slice and load that`
    : null;
}

/** What every sub-model of the loaded model needs; a saved slice needs less. */
export function noSubModel(task: CodeTask): string | null {
  if (task.fileProblem !== null) return notComputable(task);
  return firstReason(insideLayer(task), notComputable(task), startsInside(task));
}

export function unknownInput({ plan }: CodeTask): string | null {
  const unknown = plan.inputs.find(({ shape }) => shape === null);
  return unknown ? `the shape of its input ${unknown.address} is not known` : null;
}

/** A head is chosen by the shape of what it reads. */
export function unknownOutput({ plan }: CodeTask): string | null {
  const unknown = plan.outputs.find(({ shape }) => shape === null);
  return unknown ? `the shape of ${unknown.address} is not known` : null;
}

export function severalOutputs({ plan }: CodeTask, instead: string): string | null {
  return plan.outputs.length > 1 ? `the cut has ${plan.outputs.length} outputs: ${instead}` : null;
}

export function severalInputs({ plan }: CodeTask): string | null {
  return plan.inputs.length > 1 ? `it has ${plan.inputs.length} inputs, and a Sequential has one` : null;
}

/** What TF.js cannot train: `fit()` throws. */
export function untrainable(model: ModelFile, layers: readonly string[]): string | null {
  return firstReason(bareBatchNorm(model, layers), halfMaskedJoin(model, layers));
}

/** TF.js makes the mask of what comes without one of the tensor itself, and has no gradient for how it joins masks. */
function halfMaskedJoin(model: ModelFile, layers: readonly string[]): string | null {
  const masks = model.graph.kind === 'graph' ? null : modelMasks(model.graph, kerasMajor(model), new Set());
  const among = new Set(layers);
  const join = masks?.opened.calls.find((call) => {
    const along = call.inputs.map(masks.flow.along);
    const bare = call.inputs.filter((_, i) => along[i] === NO_MASK);
    const isHalf = bare.length > 0 && bare.length < along.length;
    return call.layer.className === 'Concatenate' && isHalf && bare.some(isTrained) && among.has(call.layerAddress);
  });
  return join
    ? `TF.js cannot train ${join.address}: fit() throws where a Concatenate joins what has a mask with what has none`
    : null;
}

/** Whether training changes what leads to a tensor. */
function isTrained(tensor: OpenTensor): boolean {
  const seen = new Set<OpenTensor>();
  const open = [tensor];
  for (let at = open.pop(); at; at = open.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    const { layer, trainable, inputs } = at.from;
    if (trainable && layer.weights.some((weight) => weight.trainable)) return true;
    open.push(...inputs);
  }
  return false;
}

/** TF.js adds up losses that have one number for each row of an output, whatever their shapes. */
export function mixedRanks({ graph }: ModelFile): string | null {
  const ranks = graph.outputs.map(({ layer, call, output }) => {
    const found = graph.layers.find(({ name }) => name === layer);
    return found?.calls[call]?.outputs[output]?.shape?.length ?? null;
  });
  const known = [...new Set(ranks)].filter((rank) => rank !== null);
  return known.length > 1
    ? `TF.js cannot train a model whose outputs have ${known.join(' and ')} axes: fit() throws when it adds their losses`
    : null;
}

/** TF.js reads gamma and beta of a BatchNormalization that has none. */
function bareBatchNorm(model: ModelFile, layers: readonly string[]): string | null {
  const lack = layers.find((address) => {
    const { className, config } = resolveAddress(model.graph, address).layer;
    return className === 'BatchNormalization' && (config.scale === false || config.center === false);
  });
  return lack === undefined
    ? null
    : `TF.js cannot train ${lack}: fit() throws where a BatchNormalization is without scale or center`;
}
