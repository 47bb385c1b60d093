/** From a cut to the calls that it needs and the tensors that cross it. */
import { SlicerError } from '../errors';
import {
  formatAddress,
  isAttribute,
  layersByName,
  resolveAddress,
  type AddressPart,
  type ResolvedTensor,
} from '../model/address';
import { kerasMajor } from '../model/kerasMajor';
import type { Layer, LayerGraph } from '../model/layerGraph';
import type { ModelFile } from '../model/modelFile';
import { lackingTensors, missingTensor, type Lacking } from './boundary';
import { nearCuts } from './closedCuts';
import { isHandle } from './graphNodes';
import { lostMask, lostMaskArgument, modelMasks, type LostMask, type ModelMasks } from './masks';
import { openGraph, type OpenCall, type OpenedGraph, type OpenTensor } from './openGraph';
import { openNodes } from './openNodes';
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
  /** Null where nothing makes a mask. */
  masks: ModelMasks | null;
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

/** @throws SlicerError `unknown-address`, `unsupported` (models without a graph), `mask-crosses`. */
export function resolveCut(model: ModelFile, cut: Cut): ResolvedCut {
  if (model.graph.kind === 'subclassed')
    throw new SlicerError('unsupported', { reason: 'cut-subclassed', file: model.file });
  const located = locateCut(model, cut);
  const { opening, outputs, wanted, supplied, needed, calls, lacking } = located;
  const lost = lostMaskOf(model, located);
  if (lost) throw new SlicerError('mask-crosses', { ...lost, file: model.file });
  const notes = [...located.notes];
  const taken = new Set(supplied);
  for (const input of wanted) {
    const { address } = input;
    if (!taken.has(input))
      notes.push({ address, message: `${address} is not needed for these outputs and is not an input of the slice.` });
  }
  const missing = [...lacking.values()].map(missingTensor);
  const near =
    missing.length === 0
      ? []
      : nearCuts(
          opening.opened,
          outputs.map(({ tensor }) => tensor),
          supplied,
          missing.map(({ address }) => address),
          canSupply(model),
        );
  return {
    cut: { outputs: outputs.map(({ address }) => address), inputs: supplied.map(({ address }) => address) },
    opened: opening.opened,
    masks: opening.masks,
    outputs,
    supplied,
    modelInputs: wanted.length > 0 ? [] : opening.opened.inputs.filter(({ from }) => needed.has(from)),
    calls: calls.filter((call) => !call.isInput),
    boundary: {
      closed: missing.length === 0,
      missing,
      // what adds all that is missing is closed, unless a mask crosses there
      suggestions: near.filter(
        ({ inputs }, i) => (i === 0 && !opening.masks) || isClosed(model, { outputs: cut.outputs, inputs }),
      ),
    },
    notes,
  };
}

/** A model opened as far as a cut asks for it. */
interface Opening {
  models: ReadonlySet<Layer>;
  apart: ReadonlySet<Layer>;
  keras: 2 | 3;
  opened: OpenedGraph;
  masks: ModelMasks | null;
}

interface LocatedCut {
  opening: Opening;
  outputs: CutTensor[];
  /** The inputs asked for, each tensor once, and those of them that are needed. */
  wanted: CutTensor[];
  supplied: CutTensor[];
  needed: ReadonlySet<OpenCall>;
  /** The same in execution order. */
  calls: OpenCall[];
  lacking: Map<OpenTensor, Lacking>;
  notes: ResolvedCut['notes'];
}

function locateCut(model: ModelFile, cut: Cut): LocatedCut {
  const { graph } = model;
  const asked = cut.outputs.length > 0 ? cut.outputs : ownOutputs(graph);
  const models = new Set<Layer>();
  const apart = new Set<Layer>();
  const resolved = new Map<string, ResolvedTensor>();
  for (const address of [...asked, ...cut.inputs]) {
    const found = resolveAddress(graph, address);
    if (isAttribute(found)) {
      const { className } = found.layer;
      const data = { address: found.address, layer: formatAddress(found.path), class: className };
      throw new SlicerError('unsupported', { reason: 'cut-attribute', ...data });
    }
    resolved.set(address, found);
    for (const around of modelsAround(graph, found.path)) models.add(around);
    if (found.inner !== null) apart.add(found.layer);
  }
  const opening = openingOf(model, models, apart);
  const notes: ResolvedCut['notes'] = [];
  const locate = (address: string): CutTensor => {
    const found = resolved.get(address);
    const tensor = found && opening.opened.find(found.path, found.output, found.inner);
    if (!tensor) throw new SlicerError('unknown-address', { address, reason: 'none', model: graph.name, nearest: [] });
    return { address: found.address, tensor };
  };
  const outputs = distinct(asked.map(locate), notes);
  const wanted = distinct(cut.inputs.map(locate), notes);
  const { needed, used } = neededCalls(outputs, wanted);
  const supplied = wanted.filter(({ tensor }) => used.has(tensor));
  const calls = opening.opened.calls.filter((call) => needed.has(call));
  const given = new Set(supplied.map(({ tensor }) => tensor));
  const lacking =
    wanted.length > 0 ? lackingTensors(calls, outputs, given, canSupply(model)) : new Map<OpenTensor, Lacking>();
  return { opening, outputs, wanted, supplied, needed, calls, lacking, notes };
}

/** The last opening of each graph: one cut after the other, and what is suggested for it, mostly open the same. */
const openings = new WeakMap<LayerGraph, Opening>();

function openingOf(model: ModelFile, models: ReadonlySet<Layer>, apart: ReadonlySet<Layer>): Opening {
  const { graph } = model;
  const keras = kerasMajor(model);
  const last = openings.get(graph);
  if (last?.keras === keras && sameMembers(last.models, models) && sameMembers(last.apart, apart)) return last;
  const isNodes = graph.kind === 'graph';
  const opened = isNodes ? openNodes(graph) : openGraph(graph, models, apart);
  const opening = { models, apart, keras, opened, masks: isNodes ? null : modelMasks(graph, keras, apart) };
  openings.set(graph, opening);
  return opening;
}

function canSupply({ graph }: ModelFile): (tensor: OpenTensor) => boolean {
  return graph.kind === 'graph' ? (tensor) => !isHandle(tensor) : () => true;
}

/** Whether a cut is closed, and all its inputs are needed. */
function isClosed(model: ModelFile, cut: Cut): boolean {
  const located = locateCut(model, cut);
  const { wanted, supplied, lacking } = located;
  return supplied.length === wanted.length && lacking.size === 0 && lostMaskOf(model, located) === null;
}

function lostMaskOf(model: ModelFile, located: LocatedCut): LostMask | null {
  const { opening, outputs, supplied, calls, lacking } = located;
  const { masks } = opening;
  if (!masks || supplied.length === 0) return null;
  const inFull = (tensors: readonly CutTensor[]): [OpenTensor, string][] =>
    tensors.flatMap(({ address }): [OpenTensor, string][] => {
      const tensor = masks.tensorAt(address);
      return tensor ? [[tensor, address]] : [];
    });
  const given = new Map(inFull(supplied));
  const asked = inFull(outputs).map(([tensor]) => tensor);
  const readers = new Map([...lacking].map(([tensor, lack]) => [tensor, lack.readers]));
  const hereGiven = new Map(supplied.map(({ tensor, address }) => [tensor, address]));
  const hereAsked = outputs.map(({ tensor }) => tensor);
  return (
    lostMask(masks, kerasMajor(model), asked, given) ?? lostMaskArgument(masks, readers, calls, hereAsked, hereGiven)
  );
}

function sameMembers<T>(a: ReadonlySet<T>, b: ReadonlySet<T>): boolean {
  return a.size === b.size && [...a].every((member) => b.has(member));
}

/** Walks back from the outputs and stops at what is supplied. */
export function neededCalls(
  outputs: readonly CutTensor[],
  supplied: readonly CutTensor[],
): { needed: Set<OpenCall>; used: Set<OpenTensor> } {
  const stops = new Set(supplied.map(({ tensor }) => tensor));
  const used = new Set<OpenTensor>();
  const needed = new Set<OpenCall>();
  const open = outputs.map(({ tensor }) => tensor);
  for (let tensor = open.pop(); tensor; tensor = open.pop()) {
    if (stops.has(tensor)) {
      used.add(tensor);
    } else if (!needed.has(tensor.from)) {
      needed.add(tensor.from);
      for (const input of tensor.from.inputs) open.push(input);
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

/** The nested models that `path` leads into, outermost first. */
function modelsAround(graph: LayerGraph, path: readonly AddressPart[]): Layer[] {
  const models: Layer[] = [];
  let current: LayerGraph | null = graph;
  for (const { name } of path.slice(0, -1)) {
    const layer: Layer | undefined = current ? layersByName(current).get(name) : undefined;
    if (layer) models.push(layer);
    current = layer?.graph ?? null;
  }
  return models;
}
