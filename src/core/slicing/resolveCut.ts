/** From a cut to the calls that it needs and the tensors that cross it. */
import { SlicerError } from '../errors';
import { formatAddress, layersByName, resolveAddress } from '../model/address';
import type { Layer, LayerGraph } from '../model/layerGraph';
import type { ModelFile } from '../model/modelFile';
import { boundaryOf } from './boundary';
import { refuseLostMasks } from './masks';
import { openGraph, type OpenCall, type OpenedGraph, type OpenTensor } from './openGraph';
import type { Boundary, Cut } from './slice';

export interface CutTensor {
  /** As asked for. */
  address: string;
  tensor: OpenTensor;
}

export interface ResolvedCut {
  /** With the model's own outputs filled in, duplicates and what is not needed left out. */
  cut: Cut;
  opened: OpenedGraph;
  outputs: CutTensor[];
  /** Tensors that come from outside instead of from the call that makes them, in the order asked for. */
  supplied: CutTensor[];
  /** The model's own inputs that are needed, in the model's order; none when inputs were asked for. */
  modelInputs: OpenTensor[];
  /** Calls of the slice in execution order, InputLayers left out. */
  calls: OpenCall[];
  boundary: Boundary;
  notes: { address: string | null; message: string }[];
}

/** @throws SlicerError `unknown-address`, `unsupported` (graph-models, models without a graph). */
export function resolveCut(model: ModelFile, cut: Cut): ResolvedCut {
  if (model.graph.kind === 'graph' || model.graph.kind === 'subclassed') {
    throw new SlicerError('unsupported', { reason: `cut-${model.graph.kind}`, file: model.file });
  }
  const notes: ResolvedCut['notes'] = [];
  const toOpen = new Set<Layer>();
  for (const address of [...cut.outputs, ...cut.inputs])
    modelsAround(model.graph, address).forEach((layer) => toOpen.add(layer));
  const opened = openGraph(model.graph, toOpen);
  const locate = (address: string): CutTensor => {
    const { address: canonical, path, output } = resolveAddress(model.graph, address);
    const tensor = opened.find(path, output);
    if (!tensor)
      throw new SlicerError('unknown-address', { address, reason: 'none', model: model.graph.name, nearest: [] });
    return { address: canonical, tensor };
  };
  const asked = cut.outputs.length > 0 ? cut.outputs : ownOutputs(model.graph);
  const outputs = distinct(asked.map(locate), notes);
  const wanted = distinct(cut.inputs.map(locate), notes);
  const { needed, used } = neededCalls(outputs, wanted);
  const supplied = wanted.filter(({ tensor }) => used.has(tensor));
  for (const { address } of wanted) {
    if (!supplied.some((tensor) => tensor.address === address)) {
      notes.push({ address, message: `${address} is not needed for these outputs and is not an input of the slice.` });
    }
  }
  refuseLostMasks(opened.calls, supplied, needed);
  const modelInputs = wanted.length > 0 ? [] : opened.inputs.filter(({ from }) => needed.has(from));
  const boundary: Boundary =
    wanted.length > 0 ? boundaryOf(opened, needed, outputs, supplied) : { closed: true, missing: [], suggestions: [] };
  return {
    cut: { outputs: outputs.map(({ address }) => address), inputs: supplied.map(({ address }) => address) },
    opened,
    outputs,
    supplied,
    modelInputs,
    calls: [...needed].filter((call) => !call.isInput).sort((a, b) => a.position - b.position),
    boundary,
    notes,
  };
}

/** Walks back from the outputs and stops at what is supplied. */
function neededCalls(outputs: CutTensor[], supplied: CutTensor[]): { needed: Set<OpenCall>; used: Set<OpenTensor> } {
  const stops = new Set(supplied.map(({ tensor }) => tensor));
  const used = new Set<OpenTensor>();
  const needed = new Set<OpenCall>();
  const open = outputs.map(({ tensor }) => tensor);
  for (let tensor = open.pop(); tensor; tensor = open.pop()) {
    if (stops.has(tensor)) {
      used.add(tensor);
    } else if (!needed.has(tensor.from)) {
      needed.add(tensor.from);
      open.push(...tensor.from.inputs);
    }
  }
  return { needed, used };
}

function distinct(tensors: CutTensor[], notes: ResolvedCut['notes']): CutTensor[] {
  const first = new Map<OpenTensor, string>();
  return tensors.filter(({ address, tensor }) => {
    const before = first.get(tensor);
    if (before === undefined) {
      first.set(tensor, address);
      return true;
    }
    const message =
      before === address
        ? `${address} was asked for twice and is there once.`
        : `${address} is the same tensor as ${before} and is there once.`;
    notes.push({ address, message });
    return false;
  });
}

function ownOutputs(graph: LayerGraph): string[] {
  return graph.outputs.map(({ layer, call, output }) => formatAddress([{ name: layer, call }], output));
}

/**
 * The nested models that `address` leads into, outermost first.
 * @throws SlicerError `unknown-address`.
 */
function modelsAround(graph: LayerGraph, address: string): Layer[] {
  const models: Layer[] = [];
  let current: LayerGraph | null = graph;
  for (const { name } of resolveAddress(graph, address).path.slice(0, -1)) {
    const layer: Layer | undefined = current ? layersByName(current).get(name) : undefined;
    if (layer) models.push(layer);
    current = layer?.graph ?? null;
  }
  return models;
}
