/** Cut → slice. Pure: a model file and a cut in, a topology and the weight entries it needs out. */
import { SlicerError } from '../errors';
import type { InspectTensor, ParamCounts } from '../model/inspectDocument';
import type { Layer, LayerGraph, Weight } from '../model/layerGraph';
import { kerasMajor } from '../model/kerasMajor';
import type { ModelFile } from '../model/modelFile';
import { escapeName } from '../model/address';
import { tensorInfo, type OpenCall } from './openGraph';
import { graphSlice } from './graphSlice';
import { withoutImpliedMasks } from './impliedMasks';
import { resolveCut, type ResolvedCut } from './resolveCut';
import { KerasDialect } from './kerasDialect';
import { kerasMasks } from './kerasMasks';
import { groupsByFolder, groupsByName, kerasVersion, quantizedNote, refuseGraph, refuseLayers } from './kerasSlice';
import type { Cut, KerasSlice, LayersSlice, Slice, SliceFormat, SlicePlan, TfjsSlice } from './slice';
import { tfjsFormat } from './sliceFormat';
import type { SliceInput } from './sliceInput';
import { TfjsDialect } from './tfjsDialect';
import { sliceMasks } from './tfjsMasks';
import { writeTopology, type MaskFindings, type WrittenTopology } from './writeTopology';

/**
 * What the sub-model of `cut` will be. Runs and reads nothing.
 * A cut that is not closed is planned, too: `boundary` says what it lacks.
 * @param format what it will be saved as; without it, TF.js's for the model.
 * @throws SlicerError `unknown-address`, `unsupported`, `mask-crosses`, `control-flow`, `not-exportable` where the model
 *   has no form in that format.
 */
export function planCut(model: ModelFile, cut: Cut, format?: SliceFormat): SlicePlan {
  return build(model, cut, true, format).plan;
}

/** @throws SlicerError as `planCut`, and `cut-open` where tensors are missing. */
export function sliceModel(model: ModelFile, cut: Cut): TfjsSlice;
export function sliceModel(model: ModelFile, cut: Cut, format: SliceFormat | undefined): Slice;
export function sliceModel(model: ModelFile, cut: Cut, format?: SliceFormat): Slice {
  const slice = build(model, cut, false, format);
  const { missing, closed, suggestions } = slice.plan.boundary;
  if (!closed) {
    throw new SlicerError('cut-open', {
      file: model.file,
      missing: missing.map(({ address }) => address),
      shapes: missing.map(({ shape }) => (shape ? [...shape] : null)),
      neededBy: missing.map(({ neededBy }) => neededBy),
      suggestions: suggestions.map(({ inputs }) => inputs),
    });
  }
  return slice;
}

/** @param planOnly the topology is not wanted. */
function build(model: ModelFile, cut: Cut, planOnly: boolean, format: SliceFormat = tfjsFormat(model)): Slice {
  if (model.graph.kind === 'graph') {
    if (format !== 'graph-model') refuseGraph(model.file, format);
    return graphSlice(model, resolveCut(model, cut));
  }
  if (format === 'graph-model') refuseLayers(model.file);
  const resolved = resolveCut(model, cut);
  return format === 'layers-model'
    ? layersSlice(model, resolved, planOnly)
    : kerasSlice(model, resolved, format, planOnly);
}

function layersSlice(model: ModelFile, resolved: ResolvedCut, planOnly: boolean): LayersSlice {
  const keras = kerasMajor(model);
  const outputs = resolved.outputs.map(({ tensor }) => tensor);
  const supplied = resolved.supplied.map(({ tensor }) => tensor);
  const masks =
    resolved.masks && sliceMasks(resolved.masks, keras, { outputs, supplied, suppliedAt: resolved.cut.inputs });
  const calls = masks ? withoutImpliedMasks(resolved.calls, outputs, masks.implied) : resolved.calls;
  const parts = partsOf(model, resolved, calls);
  const written = writeTopology(parts, new TfjsDialect(keras, masks), masks, planOnly);
  const { modelConfig, weights, renamed } = written;
  const plan = planOf(model, resolved, parts, written, 'layers-model');
  return { format: 'layers-model', plan, modelConfig, weights, renamed };
}

function kerasSlice(
  model: ModelFile,
  resolved: ResolvedCut,
  format: KerasSlice['format'],
  planOnly: boolean,
): KerasSlice {
  const keras = kerasMajor(model);
  const style = format === 'keras-v3' ? 3 : keras;
  const masks: MaskFindings | null = resolved.masks && kerasMasks(resolved.masks, keras, resolved);
  const parts = partsOf(model, resolved, resolved.calls);
  const written = writeTopology(parts, new KerasDialect(keras, style), masks, planOnly);
  const { groups, lacks } =
    format === 'keras-v3' ? groupsByFolder(written.layers, model) : groupsByName(written.layers);
  const { modelConfig, renamed } = written;
  const plan = planOf(model, resolved, parts, written, format);
  plan.notExportable.push(...lacks);
  const weights = groups.flatMap((group) => group.weights);
  const note = quantizedNote(weights, model);
  if (note !== null) plan.notes.push({ address: null, message: note });
  return { format, plan, modelConfig, kerasVersion: kerasVersion(model, style), groups, weights, renamed };
}

interface Parts {
  name: string;
  isSequential: boolean;
  inputs: SliceInput[];
  calls: OpenCall[];
  outputs: SliceInput['tensor'][];
}

function partsOf({ graph }: ModelFile, resolved: ResolvedCut, calls: OpenCall[]): Parts {
  const inputs: SliceInput[] = [
    ...resolved.supplied.map(({ address, tensor }) => ({
      address,
      tensor,
      layer: tensor.from.isInput ? tensor.from.layer : null,
    })),
    ...resolved.modelInputs.map((tensor) => ({ address: tensor.from.address, tensor, layer: tensor.from.layer })),
  ];
  const outputs = resolved.outputs.map(({ tensor }) => tensor);
  return { name: graph.name, isSequential: graph.kind === 'sequential', inputs, calls, outputs };
}

function planOf(
  model: ModelFile,
  resolved: ResolvedCut,
  { inputs, calls }: Parts,
  written: WrittenTopology,
  format: SliceFormat,
): SlicePlan {
  const layers = [...new Set(calls.map(({ layer }) => layer))];
  const work = totalWork(calls);
  return {
    cut: resolved.cut,
    format,
    inputs: inputs.map(({ address, tensor }, i) => named(written.inputNames[i], address, tensor)),
    outputs: resolved.outputs.map(({ address, tensor }, i) => named(written.outputNames[i], address, tensor)),
    layers: layerAddresses(inputs, calls),
    params: countParams(layers, calls),
    macs: work.macs,
    weightBytes: written.weights.reduce((sum, { entry }) => sum + (model.weightEntries[entry]?.bytes ?? 0), 0),
    calls: work.calls,
    boundary: resolved.boundary,
    notExportable: [...written.notExportable],
    notes: [...resolved.notes, ...handedThrough(inputs, resolved.outputs), ...written.notes],
  };
}

function handedThrough(inputs: readonly SliceInput[], outputs: ResolvedCut['outputs']): SlicePlan['notes'] {
  const given = new Set(inputs.map(({ tensor }) => tensor));
  return outputs.flatMap(({ address, tensor }) =>
    given.has(tensor) ? [{ address, message: `${address} is an input of the slice, which hands it through.` }] : [],
  );
}

function named(name: string | undefined, address: string, tensor: SliceInput['tensor']): InspectTensor {
  return { name: name ?? address, address, ...tensorInfo(tensor) };
}

function layerAddresses(inputs: SliceInput[], calls: OpenCall[]): string[] {
  const addresses = new Set<string>();
  for (const { layer, address } of inputs) if (layer) addresses.add(address);
  for (const { layer, layerAddress } of calls) {
    if (addresses.has(layerAddress)) continue;
    addresses.add(layerAddress);
    if (layer.graph) addInner(layer.graph, layerAddress, addresses);
  }
  return [...addresses];
}

function addInner(graph: LayerGraph, around: string, addresses: Set<string>): void {
  for (const layer of graph.layers) {
    const address = `${around}/${escapeName(layer.name)}`;
    addresses.add(address);
    if (layer.graph) addInner(layer.graph, address, addresses);
  }
}

/** Each variable once, however many layers use it. */
function countParams(layers: Layer[], calls: OpenCall[]): ParamCounts {
  const trainableLayers = new Map(calls.map(({ layer, trainable }) => [layer, trainable]));
  const seen = new Set<number>();
  let trainable = 0;
  let total = 0;
  const add = (weight: Weight, isTrainable: boolean): void => {
    if (weight.entry !== null) {
      if (seen.has(weight.entry)) return;
      seen.add(weight.entry);
    }
    const count = weight.shape.reduce<number>((product, dim) => product * (dim ?? 0), 1);
    total += count;
    if (isTrainable && weight.trainable) trainable += count;
  };
  const open: { layer: Layer; trainable: boolean }[] = layers.map((layer) => ({
    layer,
    trainable: trainableLayers.get(layer) ?? true,
  }));
  for (let item = open.pop(); item; item = open.pop()) {
    const { layer, trainable: around } = item;
    for (const weight of layer.weights) add(weight, around);
    for (const inner of layer.graph?.layers ?? []) open.push({ layer: inner, trainable: around && inner.trainable });
  }
  return { total, trainable, nonTrainable: total - trainable };
}

interface Work {
  calls: number;
  macs: number | null;
}

/** Calls that compute, those inside nested models included, and their multiply-accumulates. */
function totalWork(calls: OpenCall[]): Work {
  const known = new Map<LayerGraph, Work>();
  const add = (sum: Work, part: Work): Work => ({
    calls: sum.calls + part.calls,
    macs: sum.macs === null || part.macs === null ? null : sum.macs + part.macs,
  });
  const ofGraph = (graph: LayerGraph): Work => {
    const before = known.get(graph);
    if (before) return before;
    const layers = new Map(graph.layers.map((layer) => [layer.name, layer]));
    let sum: Work = { calls: 0, macs: 0 };
    for (const { layer: name, call } of graph.order) {
      const layer = layers.get(name);
      if (!layer || graph.inputs.some((input) => input.layer === name)) continue;
      sum = add(sum, ofCall(layer, layer.calls[call]?.macs ?? null));
    }
    known.set(graph, sum);
    return sum;
  };
  const ofCall = (layer: Layer, macs: number | null): Work => (layer.graph ? ofGraph(layer.graph) : { calls: 1, macs });
  return calls.reduce<Work>((sum, { layer, call }) => add(sum, ofCall(layer, call.macs)), { calls: 0, macs: 0 });
}
