/** Models or slices → one new model with them as layers. Pure: topologies in, a topology and the weights it needs out. */
import { SlicerError } from '../errors';
import { formatAddress, resolveAddress } from '../model/address';
import type { InspectTensor } from '../model/inspectDocument';
import type { JsonObject } from '../model/json';
import { kerasMajor } from '../model/kerasMajor';
import type { ModelFile } from '../model/modelFile';
import type { LayersSlice } from '../slicing/slice';
import { sliceModel } from '../slicing/sliceModel';
import { addAdapter, checkAdapters } from './adapters';
import type { Adapter, ComposedPart, Composition, ComposePlan, Finding, PartChoice } from './composition';
import { checkContract } from './contract';
import { DraftModel, newWeight, type ComposedWeight, type DraftTensor } from './draftModel';
import { frozenModel, type FrozenModel } from './freeze';
import { addHead, checkHead, joinFeatures } from './head';
import { planOf } from './planComposed';
import { rangeOf, rangeWanted, readsPixels, type ValueRange } from './ranges';
import { leafNames, renameClashes, type Renamed } from './renameLayers';

/** The models that a composition speaks of, as they were opened. */
export interface ComposedFrom {
  base: ModelFile;
  /** Null where there is no second part, or where it is the first one once more (`shared`). */
  second: ModelFile | null;
}

/** A new model: its topology and the weights it needs. No bytes of files. */
export interface Composed {
  fits: true;
  plan: ComposePlan;
  /** `{class_name, config}` */
  modelConfig: JsonObject;
  weights: ComposedWeight[];
  /** For the file: whose semantics it has. */
  keras: string | null;
  /** How the new model can be taken apart again, for its proof. */
  parts: ComposedSlice[];
}

/** What stands in the way of the new model. */
export interface Misfit {
  fits: false;
  findings: Finding[];
}

/** A part as it stands in the new model. */
export interface ComposedSlice {
  name: string;
  from: 'base' | 'second';
  slice: LayersSlice;
  /** Tensors of the new model for each of its calls, by canonical address. */
  calls: { inputs: string[]; outputs: string[] }[];
}

interface Part {
  from: 'base' | 'second';
  model: ModelFile;
  slice: LayersSlice;
  choice: PartChoice;
  name: string;
  config: JsonObject;
  batchNorms: string[];
  renamed: Renamed['renamed'];
}

/**
 * @throws SlicerError `does-not-fit` (for what no contract foresees), `not-exportable`, `usage`, `unsupported`, and what
 *   cutting the parts throws.
 */
export function composeModel(from: ComposedFrom, composition: Composition): Composed | Misfit {
  checkHead(composition);
  checkAdapters(composition.before);
  return new Composer(from, composition).compose();
}

class Composer {
  private readonly findings: Finding[] = [];
  private readonly parts: Part[] = [];
  private readonly draft: DraftModel;
  private readonly weights: ComposedWeight[] = [];
  private readonly calls = new Map<Part, { inputs: DraftTensor[]; outputs: DraftTensor[] }[]>();
  private readonly inputs: DraftTensor[] = [];

  constructor(
    private readonly from: ComposedFrom,
    private readonly composition: Composition,
  ) {
    const { base, second } = composition;
    const first = sliceOf(from.base, base);
    const other = second && !second.shared && from.second ? sliceOf(from.second, second) : null;
    if (second && !second.shared && !from.second) throw new SlicerError('internal', { reason: 'no second model' });
    const taken = weightedLayers(first);
    const otherTaken = other ? weightedLayers(other) : new Set<string>();
    const both = new Set([...taken, ...leafNames(first.modelConfig), ...(other ? leafNames(other.modelConfig) : [])]);
    const free = (wanted: string): string => {
      let name = wanted;
      for (let i = 1; both.has(name); i++) name = `${wanted}_${i}`;
      both.add(name);
      return name;
    };
    const renaming = other && renameClashes(other.modelConfig, (name) => otherTaken.has(name) && taken.has(name), free);
    this.draft = new DraftModel(kerasOf(from), both);
    this.addPart('base', from.base, first, base, null);
    if (other && second && from.second) this.addPart('second', from.second, other, second, renaming);
  }

  compose(): Composed | Misfit {
    const { composition } = this;
    const [base, second] = this.parts;
    if (!base) throw new SlicerError('internal', { reason: 'no base' });
    const features = this.connect(base, second ?? null);
    if (!features) return { fits: false, findings: this.findings };
    const { head, seed, second: join } = composition;
    const joined = joinFeatures(this.draft, head, features, join?.join === 'concat');
    const [only, ...others] = joined;
    const outputs = only && others.length === 0 ? [addHead(this.draft, head.layers, only, seed)] : joined;
    const name = composition.name ?? `${this.from.base.name}_composed`;
    const modelConfig = this.draft.model(name, this.inputs, outputs);
    const weights = [...this.weights, ...this.draft.weights];
    const plan = planOf({
      modelConfig,
      weights,
      keras: kerasVersion(this.from),
      layers: this.draft.layers,
      parts: this.parts.map(({ name: layer, model, choice, slice }): ComposedPart => ({
        name: layer,
        file: model.file,
        frozen: choice.frozen,
        cut: slice.plan.cut,
      })),
      findings: this.findings,
      renamed: this.parts.flatMap((part) => part.renamed.map((one) => ({ part: part.name, ...one }))),
      notes: this.notes(),
      partNotes: this.parts.flatMap((part) =>
        part.slice.plan.notes.map(({ message }) => ({ part: part.name, message })),
      ),
    });
    return { fits: true, plan, modelConfig, weights, keras: kerasVersion(this.from), parts: this.composedSlices() };
  }

  private addPart(
    from: Part['from'],
    model: ModelFile,
    slice: LayersSlice,
    choice: PartChoice,
    renaming: Renamed | null,
  ): void {
    const config = renaming?.model ?? slice.modelConfig;
    const {
      model: written,
      batchNorms,
      added,
    }: FrozenModel = choice.frozen ? frozenModel(config) : { model: config, batchNorms: [], added: [] };
    const name = this.draft.name(choice.name ?? model.name);
    const renamed = renaming?.renamed ?? [];
    this.parts.push({ from, model, slice, choice, name, config: written, batchNorms, renamed });
    for (const weight of slice.weights) {
      const entry = model.weightEntries[weight.entry];
      if (!entry) throw new SlicerError('missing-weight', { file: model.file, weight: weight.name });
      this.weights.push({ name: renaming?.weightName(weight.name) ?? weight.name, from, entry, initial: null });
    }
    const shapes = new Map(this.weights.map(({ name: weight, entry }) => [weight, entry.shape]));
    for (const { layer, weight, value } of added) {
      const shape = shapes.get(`${layer}/moving_mean`);
      if (shape) this.weights.push(newWeight(`${layer}/${weight}`, shape, { kind: 'constant', value }));
    }
  }

  /** Inputs, adapters and the parts; null where something does not fit and is not to be adapted. */
  private connect(base: Part, second: Part | null): DraftTensor[] | null {
    const { second: join } = this.composition;
    const shared = join?.shared === true;
    const fed = this.newInputs(base);
    const given = fed && this.feed(base, fed);
    if (join?.join === 'sequence') {
      const after = shared ? base : second;
      if (shared) throw new SlicerError('usage', { reason: 'shared-sequence' });
      if (!given || !after) return null;
      const [features] = this.call(base, [given]);
      const next = features && this.feed(after, features);
      return next ? (this.call(after, [next])[0] ?? null) : null;
    }
    if (!join) return given ? (this.call(base, [given])[0] ?? null) : null;
    const other = shared ? base : second;
    if (!other) return null;
    const otherFed = join.inputs === 'same' ? fed : this.newInputs(other, true);
    const otherGiven = otherFed && this.feed(other, otherFed);
    if (!given || !otherGiven) return null;
    if (shared) return this.call(base, [given, otherGiven]).flat();
    return [...(this.call(base, [given])[0] ?? []), ...(this.call(other, [otherGiven])[0] ?? [])];
  }

  /** The new model's inputs for a part, with what stands before it; null where that does not fit. */
  private newInputs(part: Part, plain = false): DraftTensor[] | null {
    const { inputShape, before, seed } = this.composition;
    const wanted = part.slice.plan.inputs;
    const changes = !plain && (inputShape !== null || before.length > 0);
    if (!changes) {
      const made = wanted.map((port) => this.draft.input(port.name, port, null));
      this.inputs.push(...made);
      return made;
    }
    const [port, ...others] = wanted;
    if (!port || others.length > 0) throw new SlicerError('usage', { reason: 'before-several', count: wanted.length });
    if (inputShape === null && !before.every(keepsShape)) throw new SlicerError('usage', { reason: 'input-shape' });
    const shape = inputShape === null ? port.shape : [port.shape?.[0] ?? null, ...inputShape];
    const dtype = before.length > 0 && !before.every(keepsValues) ? 'float32' : port.dtype;
    const input = this.draft.input(port.name, { shape, dtype }, before.some(isPixelScaling) ? PIXELS : null);
    this.inputs.push(input);
    return [before.reduce((tensor, adapter) => addAdapter(this.draft, adapter, tensor, seed), input)];
  }

  /** Checks what a part is given, and puts adapters between where it may. */
  private feed(part: Part, given: readonly DraftTensor[]): DraftTensor[] | null {
    const wanted = part.slice.plan.inputs;
    if (given.length !== wanted.length) {
      const data = { reason: 'count', wanted: part.name, actual: given.length, expected: wanted.length };
      this.findings.push({ kind: 'shape', data, adapter: null, blocks: true, adapted: false });
      return null;
    }
    let fits = true;
    const fed = wanted.map((port, i): DraftTensor => {
      const tensor = given[i] as DraftTensor;
      const range = wantedRange(part, port);
      const isInput = this.inputs.includes(tensor);
      const from = isInput ? 'the new input' : tensor.ref[0];
      const wantedPort = { ...port, name: wanted.length > 1 ? `${part.name}/${port.name}` : part.name, range };
      const found = checkContract({ ...tensor, name: from, isInput }, wantedPort);
      let current = tensor;
      for (const one of found) {
        const adapted = this.composition.adapt && one.adapter !== null;
        this.findings.push({ ...one, adapted });
        if (adapted && one.adapter)
          current = one.adapter.reduce(
            (at, adapter) => addAdapter(this.draft, adapter, at, this.composition.seed),
            current,
          );
        else if (one.blocks) fits = false;
      }
      return current;
    });
    return fits ? fed : null;
  }

  private call(part: Part, calls: readonly DraftTensor[][]): DraftTensor[][] {
    const outputs = part.slice.plan.outputs.map(({ address, shape, dtype }) => ({
      shape,
      dtype,
      range: outputRange(part, address),
    }));
    const made = this.draft.nested(part.name, part.config, part.from, calls, outputs);
    this.calls.set(
      part,
      made.map((tensors, i) => ({ inputs: [...(calls[i] ?? [])], outputs: tensors })),
    );
    return made;
  }

  private composedSlices(): ComposedSlice[] {
    return this.parts.map((part) => ({
      name: part.name,
      from: part.from,
      slice: part.slice,
      calls: (this.calls.get(part) ?? []).map(({ inputs, outputs }, call) => ({
        inputs: inputs.map(({ ref }) => this.addressOf(ref)),
        outputs: outputs.map((_, i) => this.addressOf([part.name, call + 1, i])),
      })),
    }));
  }

  /** Canonical: a model's first call is its node 1. */
  private addressOf([layer, node, output]: DraftTensor['ref']): string {
    const isPart = this.parts.some(({ name }) => name === layer);
    const call = isPart ? node - 1 : node;
    return formatAddress([{ name: layer, call }], output);
  }

  private notes(): ComposePlan['notes'] {
    const { second } = this.composition;
    const notes: ComposePlan['notes'] = [];
    for (const part of this.parts) {
      const data = { layer: part.name, file: part.model.file };
      notes.push({ code: 'composed-copy', data });
      if (part.batchNorms.length > 0)
        notes.push({ code: 'composed-frozen-norms', data: { ...data, count: part.batchNorms.length } });
      const bare = untrainableNorm(part.config);
      if (bare !== null && !part.choice.frozen)
        notes.push({ code: 'composed-untrainable', data: { ...data, norm: bare } });
    }
    const [base] = this.parts;
    if (second?.shared && base) notes.push({ code: 'composed-shared', data: { layer: base.name } });
    return notes;
  }
}

/** @throws SlicerError `unsupported` for graph-models, `not-exportable`, and what cutting throws. */
function sliceOf(model: ModelFile, { cut }: PartChoice): LayersSlice {
  const isGraph = new SlicerError('unsupported', { reason: 'compose-graph', file: model.file });
  if (model.graph.kind === 'graph') throw isGraph;
  const slice = sliceModel(model, cut);
  if (slice.format !== 'layers-model') throw isGraph;
  const [lack] = slice.plan.notExportable;
  if (lack) throw new SlicerError('not-exportable', { file: model.file, address: lack.address, why: lack.reason });
  return slice;
}

/** Layers of a slice whose weights stand in its file. */
function weightedLayers({ modelConfig, weights }: LayersSlice): Set<string> {
  const names = new Set(leafNames(modelConfig));
  const found = new Set<string>();
  for (const { name } of weights) {
    for (let at = name.lastIndexOf('/'); at > 0; at = name.lastIndexOf('/', at - 1)) {
      const layer = name.slice(0, at);
      if (!names.has(layer)) continue;
      found.add(layer);
      break;
    }
  }
  return found;
}

/** Plain TF.js computes as Keras 2 does: where both are there, that is what the file is. */
function kerasOf({ base, second }: ComposedFrom): 2 | 3 {
  return kerasMajor(base) === 2 || (second && kerasMajor(second) === 2) ? 2 : 3;
}

function kerasVersion(from: ComposedFrom): string | null {
  const major = kerasOf(from);
  return [from.base, from.second].find((model) => model && kerasMajor(model) === major)?.producer.keras ?? null;
}

const PIXELS: ValueRange = { min: 0, max: 255, whole: false };

function isPixelScaling(adapter: Adapter): boolean {
  return adapter.kind === 'normalize' || (adapter.kind === 'rescale' && readsPixels({ scale: adapter.scale }));
}

function keepsShape({ kind }: Adapter): boolean {
  return kind === 'rescale' || kind === 'normalize' || kind === 'cast';
}

function keepsValues({ kind }: Adapter): boolean {
  return kind === 'reshape' || kind === 'permute';
}

function outputRange({ model }: Part, address: string): ValueRange | null {
  const { graph, layer, call, output, inner } = resolveAddress(model.graph, address);
  return inner === null ? rangeOf(graph, { layer: layer.name, call, output }) : null;
}

function wantedRange({ model }: Part, { address }: InspectTensor): ValueRange | null {
  const { graph, layer, call, output, inner } = resolveAddress(model.graph, address);
  return inner === null ? rangeWanted(graph, { layer: layer.name, call, output }) : null;
}

/** A BatchNormalization that TF.js's `fit` throws at; null where there is none. */
function untrainableNorm(model: JsonObject): string | null {
  const open: unknown[] = [model];
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    const { class_name: className, config } = item as { class_name?: string; config?: JsonObject };
    if (!config) continue;
    if (className === 'BatchNormalization' && (config.scale === false || config.center === false))
      return typeof config.name === 'string' ? config.name : className;
    if (Array.isArray(config.layers)) open.push(...config.layers);
  }
  return null;
}
