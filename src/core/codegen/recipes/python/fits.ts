/** Why a model or a cut cannot be had in Keras, as the ends of sentences. */
import { resolveAddress, type ResolvedTensor } from '../../../model/address';
import type { Layer, LayerCall, LayerGraph } from '../../../model/layerGraph';
import { kerasMajor } from '../../../model/kerasMajor';
import { walkLayers } from '../../../model/traversal';
import { makesMask } from '../../../slicing/maskRules';
import type { CodeTask } from '../../codeTask';
import { isStateful, modelInside, startsInside } from '../../languages/pythonModel';

/** Classes in which Keras 2 keeps operations; Keras 3 has none of them. */
const KERAS_2_OPERATIONS = new Set([
  'TFOpLambda',
  'SlicingOpLambda',
  'ClassMethod',
  'InstanceProperty',
  'InstanceMethod',
]);

/** Why Keras 3 cannot load the model. */
export function whyNotLoaded({ model, plan }: CodeTask): string | null {
  const old = walkLayers(model.graph).find(({ layer }) => KERAS_2_OPERATIONS.has(layer.className));
  if (old) return `Keras 3 cannot load ${old.address}, a ${old.layer.className} of Keras 2`;
  const inside = model.format === 'layers-model' || kerasMajor(model) === 3 ? null : modelInside(model.graph);
  if (inside !== null)
    return `Keras 3 does not load ${inside}, a model inside a functional one, from a file of Keras 2: save the model as .keras (model-slicer slice ${model.file} --to ${model.file.replace(/\.\w+$/, '')}.keras), and take that`;
  const unknown = plan.inputs.find(({ shape }) => shape === null);
  return unknown ? `the shape of ${unknown.address} is not known before the model is built` : null;
}

/** Why the outputs cannot be had as tensors of the loaded model. */
export function whyNotExtracted(task: CodeTask): string | null {
  const why = whyNotLoaded(task) ?? whyNotOutside(task);
  if (why !== null) return why;
  if (startsInside(task)) return 'the cut starts inside the model: middle-segment does that';
  return task.plan.outputs.length > 1 ? whyNotOnce(task) : null;
}

/** A loaded Sequential has called its first layers more than once: what two of its outputs need may be two calls. */
export function whyNotOnce({ model }: CodeTask): string | null {
  return model.graph.kind === 'sequential' && isStateful(model.graph)
    ? 'the stateful layers of a loaded Sequential would run twice, each going on where the other ended: ask for one output'
    : null;
}

/** A tensor inside a layer. */
export function whyNotOutside({ model, plan }: CodeTask): string | null {
  const inside = [...plan.outputs, ...plan.inputs].find(
    ({ address }) => resolveAddress(model.graph, address).inner !== null,
  );
  return inside ? `${inside.address} is inside a layer, which hands out only its output: load-slice does that` : null;
}

/** The outputs, found. */
export function outputsOf({ model, plan }: CodeTask): ResolvedTensor[] {
  return plan.outputs.map(({ address }) => resolveAddress(model.graph, address));
}

/** A chain of layers, each reading what the one before gives. */
export interface Chain {
  layers: Layer[];
  graph: LayerGraph;
}

/** The chain from the plan's input to its output, or why there is none. */
export function chainOf(task: CodeTask): Chain | { why: string } {
  const { model, plan } = task;
  const why = whyNotLoaded(task) ?? whyNotOutside(task);
  if (why !== null) return { why };
  const [output, ...others] = outputsOf(task);
  const [input, ...otherInputs] = plan.inputs.map(({ address }) => resolveAddress(model.graph, address));
  if (!output || !input || others.length > 0 || otherInputs.length > 0)
    return { why: 'a chain has one input and one output' };
  const nested = [output, input].find(({ path }) => path.length > 1);
  if (nested) return { why: `${nested.address} is inside a nested model` };
  const byName = new Map(model.graph.layers.map((layer) => [layer.name, layer]));
  const layers: Layer[] = [];
  for (let at: Layer | undefined = output.layer; at !== input.layer;) {
    const broken: string | null = at ? whyNotLink(at) : 'the cut is no chain';
    if (!at || broken !== null) return { why: broken ?? '' };
    layers.unshift(at);
    at = byName.get(linkOf(at)?.layer ?? '');
  }
  if (output.output > 0 || output.call > 0) return { why: `${output.address} is not the only output of its layer` };
  if (input.call > 0 || input.output > 0) return { why: `${input.address} is not the only output of its layer` };
  if (layers.length === 0) return { why: 'there is no layer between its input and its output' };
  // along a chain Keras finds masks itself, where it is there that they are made
  const masked = layers.find((layer) => layer.calls[0] && Object.hasOwn(layer.calls[0].kwargs, 'mask'));
  if (masked && !layers.some(makesMask)) return { why: `${masked.name} gets its mask from elsewhere` };
  return { layers, graph: model.graph };
}

function whyNotLink(layer: Layer): string | null {
  if (!layer.isLayer) return `${layer.name} is an operation, no layer`;
  if (layer.calls.length !== 1) return `${layer.name} is called more than once`;
  const [call] = layer.calls;
  if (!call || call.outputs.length > 1) return `${layer.name} has several outputs`;
  return linkOf(layer) ? null : `${layer.name} reads more than one tensor`;
}

/** The only tensor that the layer reads, its mask left out. */
function linkOf({ calls }: Layer): LayerCall['inputs'][number] | null {
  const [call] = calls;
  const [argument, ...more] = call?.args ?? [];
  if (!call || more.length > 0 || argument?.kind !== 'tensor') return null;
  const others = Object.keys(call.kwargs).filter((key) => key !== 'mask' && key !== 'training');
  return others.length > 0 ? null : (call.inputs[argument.input] ?? null);
}
