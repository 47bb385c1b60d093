/** TF.js layers-model: the topology read, repaired, given shapes, and matched with the weights. */
import { SlicerError } from '../errors';
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import type { LayerGraph } from '../model/layerGraph';
import type { ModelFile, Problem, Producer, WeightEntry } from '../model/modelFile';
import type { DeclaredTensors } from './assemble';
import { assemble } from './assemble';
import { field, objectField, textField } from './jsonField';
import type { WeightFolder } from './kerasWeightFolders';
import { weightFolders } from './kerasWeightFolders';
import type { MatchContext } from './matchWeights';
import { matchWeights } from './matchWeights';
import { propagate } from './propagate';
import { collectNames, readModel } from './readModel';
import { RepairList } from './repairs';
import { addLayersByWeights } from './subclassedModel';
import type { Manifest, ShardFile } from './weightEntries';
import { placeEntries } from './weightEntries';
import { writeTopology } from './writeTopology';

/** Where a layers-model's `{class_name, config}` stands in the file; null when this is none. */
export function layersConfig(root: JsonValue): JsonObject | null {
  if (!isJsonObject(root)) return null;
  const places = [root, objectField(root, 'modelTopology'), objectField(root, 'model_config')];
  const topology = objectField(root, 'modelTopology');
  if (topology) places.push(objectField(topology, 'model_config'));
  return (
    places.find((place) => place && textField(place, 'class_name') !== null && field(place, 'config') !== undefined) ??
    null
  );
}

/** Keras's version and who converted, from the places where the writers put them. */
export function producerOf(root: JsonObject): Producer {
  const topology = objectField(root, 'modelTopology') ?? root;
  const generated = textField(root, 'generatedBy') ?? '';
  const converted = textField(root, 'convertedBy') ?? '';
  const version = textField(topology, 'keras_version') ?? /^keras v(\S+)/.exec(generated)?.[1] ?? '';
  const tfjs = /tfjs-layers v?(\d\S*)/.exec(`${version} ${generated}`)?.[1];
  return {
    keras: /^\d/.test(version) ? version : null,
    converter: /v(\d\S*)$/.exec(converted)?.[1] ?? (tfjs ? `tfjs-layers ${tfjs}` : null),
    backend: textField(topology, 'backend'),
  };
}

export interface ModelParts {
  file: string;
  root: JsonObject;
  manifest: Manifest;
  /** Whether the file has a weights manifest at all. */
  hasManifest: boolean;
  shards: ShardFile[];
  stringBytes?: ReadonlyMap<string, number>;
  warnings: Problem[];
  fileBytes: number;
}

/** @throws SlicerError where the topology contradicts itself; what is wrong with weights comes as `problems`. */
export function openLayersModel(parts: ModelParts): ModelFile {
  const { file, root, manifest } = parts;
  const entry = layersConfig(root);
  if (!entry) throw new SlicerError('not-a-model', { file });
  const placed = placeEntries(manifest, parts.shards, file, parts.stringBytes);
  const measurable = manifest.groups.every((group) => group.measurable);
  return buildModel({
    file,
    format: 'layers-model',
    entry,
    written: producerOf(root),
    warnings: [...parts.warnings, ...manifest.problems, ...placed.problems],
    entries: placed.entries,
    excuse: !parts.hasManifest ? 'manifest' : measurable ? 'none' : 'reported',
    fileBytes: parts.fileBytes,
    metadata: objectField(root, 'userDefinedMetadata'),
  });
}

/** A configuration and the weights that were found for it, whatever files they come from. */
export interface BuildParts {
  file: string;
  format: ModelFile['format'];
  /** `{class_name, config}`. */
  entry: JsonObject;
  written: Producer;
  /** What reading the file has found; stands first. */
  warnings: Problem[];
  entries: WeightEntry[];
  /** Where the weights' names are Keras 3's paths. */
  folders?: readonly WeightFolder[];
  excuse: MatchContext['excuse'];
  fileBytes: number;
  metadata: JsonObject | null;
}

/** @throws SlicerError where the topology contradicts itself. */
export function buildModel(parts: BuildParts): ModelFile {
  const { file, entry, written, entries, folders, excuse } = parts;
  const repairs = new RepairList();
  const raw = readModel(entry, { file, repairs, names: collectNames(entry) });
  const declared: DeclaredTensors = new Map();
  const graph = assemble(raw, file, declared);
  if (graph.kind === 'subclassed') addLayersByWeights(graph, folders ?? []);
  const major = kerasMajor(written, repairs);
  // without a version in the file, its way of writing still tells whose semantics hold
  const producer = written.keras === null && major === 3 ? { ...written, keras: '3' } : written;
  const unknownWeights = new Set<ModelFile['graph']['layers'][number]>();
  const graphProblems: Problem[] = [];
  propagate(graph, { keras: major, declared, problems: graphProblems, file, unknownWeights });
  graphProblems.push(...wholeProblems(graph, entries, file));
  const folderOf = folders ? weightFolders(graph, folders) : null;
  const matched = matchWeights(graph, entries, { file, unknownWeights, excuse, folderOf });
  return {
    file,
    format: parts.format,
    name: graph.name,
    producer,
    graph,
    weightEntries: entries,
    topology: writeTopology(raw, graph),
    repairs: repairs.list(),
    problems: errorsFirst([...parts.warnings, ...graphProblems, ...matched]),
    fileBytes: parts.fileBytes,
    metadata: parts.metadata,
  };
}

/** What keeps the whole model from running, though nothing in it is wrong. */
function wholeProblems(graph: LayerGraph, entries: readonly WeightEntry[], file: string): Problem[] {
  const warning = (code: Problem['code'], data: Problem['data']): Problem[] => [
    { code, severity: 'warning', address: null, data: { file, ...data } },
  ];
  if (graph.kind === 'subclassed')
    return warning('not-runnable', { reason: 'subclassed', class: graph.className, model: graph.name });
  const [input] = graph.inputs;
  const shape = graph.layers.find(({ name }) => name === input?.layer)?.calls[0]?.outputs[0]?.shape ?? null;
  const unbuilt = graph.kind === 'sequential' && shape === null && entries.length === 0 && graph.layers.length > 1;
  return unbuilt ? warning('missing-weight', { reason: 'unbuilt', model: graph.name }) : [];
}

/** The first error is the one that a command line reports. */
export function errorsFirst(problems: Problem[]): Problem[] {
  return [
    ...problems.filter(({ severity }) => severity === 'error'),
    ...problems.filter(({ severity }) => severity !== 'error'),
  ];
}

/** The semantics are those of the Keras that wrote the file; without a version its way of writing tells. */
function kerasMajor(producer: Producer, repairs: RepairList): 2 | 3 {
  if (producer.keras !== null) return Number.parseInt(producer.keras, 10) >= 3 ? 3 : 2;
  return repairs.has('batch-shape', 'inbound-nodes', 'flat-ports') ? 3 : 2;
}
