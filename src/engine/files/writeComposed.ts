/** Writes a composed model as a folder that TF.js loads: its JSON, the parts' bytes as they are stored, the new ones. */
import path from 'node:path';
import { SlicerError } from '../../core/errors';
import type { Composed } from '../../core/composing/composeModel';
import type { Composition } from '../../core/composing/composition';
import { composedTopology } from '../../core/composing/planComposed';
import { manifestGroups } from '../../core/formats/weightsManifest';
import type { JsonObject, JsonValue } from '../../core/model/json';
import { version } from '../../../package.json';
import { AtomicFolder } from './atomicFolder';
import { composedBytes, type ComposedSources } from './composedBytes';
import { obsoleteShards } from './olderExport';
import { topologySha256 } from './sliceOrigin';
import { writeShards } from './writeShards';
import { placeOf, SHARD_BYTES, shardNames, type WeightSource, type WriteOptions } from './writeSlice';

/**
 * @param target a folder (made where missing; `model.json` in it), or a file name that ends in `.json`.
 * @returns file names in the target folder, the model JSON first, and their bytes.
 * @throws SlicerError `not-exportable`, `target-exists`, `write-failed`, `file-changed`, `cancelled`, and what reading
 * the parts throws. After any of them the target is as it was.
 */
export async function writeComposed(
  composed: Composed,
  composition: Composition,
  sources: ComposedSources<WeightSource>,
  target: string,
  options: Omit<WriteOptions, 'name'>,
): Promise<{ files: string[]; bytes: number }> {
  const [lack] = composed.plan.notExportable;
  if (lack) throw new SlicerError('not-exportable', { file: 'model.json', address: lack.address, why: lack.reason });
  const { weights } = composed;
  const opened = [sources.base, sources.second].filter((source) => source !== null);
  const total = weights.reduce((sum, { entry }) => sum + entry.bytes, 0);
  const shardBytes = Math.max(1, Math.floor(options.shardBytes ?? SHARD_BYTES));
  const { folder, json } = await placeOf(path.resolve(target));
  const shards = shardNames(json, Math.ceil(total / shardBytes));
  const output = await AtomicFolder.open(folder, [json, ...shards], {
    force: options.force,
    protect: opened.flatMap(({ path: file, shardFiles }) => [file, ...shardFiles]),
    obsolete: await obsoleteShards(folder, json),
  });
  try {
    const source = { model: sources.base.model, readStored: composedBytes(composed, sources) };
    const checksums = await writeShards({ entries: weights, source, output, shards, shardBytes, total }, options);
    const root: JsonObject = {
      ...composedRoot(composed),
      weightsManifest: manifestGroups(weights, shards),
      userDefinedMetadata: { modelSlicer: composedRecord(composed, composition, sources, shards, checksums) },
    };
    const bytes = new TextEncoder().encode(JSON.stringify(root));
    await (await output.create(json)).write(bytes);
    for (const { identity, openedAs, model } of opened.map(bound))
      if (openedAs !== undefined && (await identity()) !== openedAs)
        throw new SlicerError('file-changed', { file: model.file });
    await output.commit(options.signal);
    return { files: [json, ...shards], bytes: total + bytes.length };
  } catch (error) {
    await output.abort();
    throw error;
  }
}

function bound(
  source: WeightSource,
): Pick<WeightSource, 'model' | 'openedAs'> & { identity(): Promise<string | undefined> } {
  return { model: source.model, openedAs: source.openedAs, identity: async () => source.identity?.() };
}

/** The model JSON, without its weights manifest and without where it came from. */
export function composedRoot({ modelConfig, keras }: Composed): JsonObject {
  return {
    generatedBy: `Model Slicer v${version}`,
    convertedBy: `Model Slicer v${version}`,
    ...composedTopology(modelConfig, keras),
  };
}

/** Without time and path: the same composition of the same files gives the same bytes. */
function composedRecord(
  { plan, parts }: Composed,
  { head, before, seed, second }: Composition,
  sources: ComposedSources<WeightSource>,
  shards: readonly string[],
  checksums: readonly string[],
): JsonObject {
  const layers: JsonValue[] = parts.map(({ name, from }) => {
    const { model } = (from === 'second' ? sources.second : null) ?? sources.base;
    const part = plan.parts.find((one) => one.name === name);
    return {
      layer: name,
      file: model.file,
      topologySha256: topologySha256(model),
      frozen: part?.frozen === true,
      cut: { outputs: part?.cut.outputs ?? [], inputs: part?.cut.inputs ?? [] },
    };
  });
  const composition = JSON.parse(JSON.stringify({ before, head, seed, join: second?.join ?? null })) as JsonObject;
  return {
    version,
    shards: shards.map((file, i) => ({ file, crc32: checksums[i] ?? '' })),
    composed: { parts: layers, ...composition },
  };
}
