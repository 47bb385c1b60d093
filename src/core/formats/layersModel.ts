/** TF.js layers-model: the topology read, repaired, given shapes, and matched with the weights. */
import { SlicerError } from '../errors';
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import type { ModelFile, Problem, Producer } from '../model/modelFile';
import type { DeclaredTensors } from './assemble';
import { assemble } from './assemble';
import { field, objectField, textField } from './jsonField';
import { matchWeights } from './matchWeights';
import { propagate } from './propagate';
import { collectNames, readModel } from './readModel';
import { RepairList } from './repairs';
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
  const repairs = new RepairList();
  const raw = readModel(entry, { file, repairs, names: collectNames(entry) });
  const declared: DeclaredTensors = new Map();
  const graph = assemble(raw, file, declared);
  const written = producerOf(root);
  const major = kerasMajor(written, repairs);
  // without a version in the file, its way of writing still tells whose semantics hold
  const producer = written.keras === null && major === 3 ? { ...written, keras: '3' } : written;
  const problems: Problem[] = [...parts.warnings, ...manifest.problems];
  const unknownWeights = new Set<ModelFile['graph']['layers'][number]>();
  const graphProblems: Problem[] = [];
  propagate(graph, { keras: major, declared, problems: graphProblems, file, unknownWeights });
  const placed = placeEntries(manifest, parts.shards, file, parts.stringBytes);
  const excuse = !parts.hasManifest
    ? 'manifest'
    : manifest.groups.some(({ measurable }) => !measurable)
      ? 'reported'
      : 'none';
  problems.push(
    ...placed.problems,
    ...graphProblems,
    ...matchWeights(graph, placed.entries, { file, unknownWeights, excuse }),
  );
  return {
    file,
    format: 'layers-model',
    name: graph.name,
    producer,
    graph,
    weightEntries: placed.entries,
    topology: writeTopology(raw, graph),
    repairs: repairs.list(),
    problems: errorsFirst(problems),
    fileBytes: parts.fileBytes,
    metadata: objectField(root, 'userDefinedMetadata'),
  };
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
