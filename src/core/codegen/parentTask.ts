/** The whole model as generated TypeScript loads it: its own file, or the layers-model saved from it. */
import { openLayersModel } from '../formats/layersModel';
import { readManifest } from '../formats/weightEntries';
import { formatAddress, resolveAddress } from '../model/address';
import type { JsonObject } from '../model/json';
import type { ModelFile } from '../model/modelFile';
import { planCut, sliceModel } from '../slicing/sliceModel';
import type { LayersSlice } from '../slicing/slice';
import type { CodeTask } from './codeTask';
import { keepsCallOrder } from './plainFile';
import { besideModel, shellWord, sliceFolder } from './savedSlice';

/** A task whose model is one that TF.js loads: layers, calls and indices are those that the code will meet. */
export interface ParentTask extends CodeTask {
  fileProblem: null;
  /** Why and how it has to be saved first; nothing where TF.js loads the file itself. */
  saved: readonly string[];
  /** Addresses that are others there. */
  moved: readonly { from: string; to: string }[];
}

/** The whole model saved for TF.js, opened again. */
interface SavedModel {
  model: ModelFile;
  /** By address in the source, calls left out. */
  renamed: ReadonlyMap<string, string>;
}

const savedModels = new WeakMap<ModelFile, SavedModel | string>();

/** Or why there is none, as the end of a sentence. */
export function parentTask(task: CodeTask): ParentTask | string {
  const { model, fileProblem, plan } = task;
  if (fileProblem === null) return { ...task, fileProblem, saved: [], moved: [] };
  const saved = savedModel(model);
  if (typeof saved === 'string') return `${saved}: save the slice and load that`;
  const inSaved = (address: string): string | null => addressInSaved(model, saved, address);
  const wanted = plan.outputs.map(({ address }) => address);
  const given = plan.inputs.map(({ address }) => address);
  const lost = [...wanted, ...given].find((address) => inSaved(address) === null);
  if (lost !== undefined) return `${lost} is not in what can be saved of the whole model: save the slice and load that`;
  const moved = [...wanted, ...given].flatMap((from) => {
    const to = inSaved(from) ?? from;
    return to === from ? [] : { from, to };
  });
  const folder = sliceFolder(model.graph.name, 'for-tfjs');
  const cut = {
    outputs: wanted.map((address) => inSaved(address) ?? address),
    inputs: plan.cut.inputs.map((address) => inSaved(address) ?? address),
  };
  return {
    ...task,
    model: saved.model,
    plan: planCut(saved.model, cut),
    modelPath: besideModel(task, folder),
    fileProblem: null,
    saved: [
      `TF.js cannot use ${model.file} itself: ${fileProblem}. It loads what this saves:`,
      `model-slicer slice ${shellWord(model.file)} --to ${folder}`,
      ...moved.map(({ from, to }) => `There, ${from} is called ${to}.`),
    ],
    moved,
  };
}

/** What saving the whole model gives; or why TF.js would not find its layers there. */
function savedModel(model: ModelFile): SavedModel | string {
  const known = savedModels.get(model);
  if (known !== undefined) return known;
  const made = saveModel(model);
  savedModels.set(model, made);
  return made;
}

/** Null where it is not there: Keras keeps layers that lead to no output. */
function addressInSaved({ graph }: ModelFile, saved: SavedModel, address: string): string | null {
  const { path, output, inner } = resolveAddress(graph, address);
  const names = path.map(({ name }) => ({ name, call: 0 }));
  const there = path.map(({ name, call }, i) => ({
    name: saved.renamed.get(formatAddress(names.slice(0, i + 1))) ?? name,
    call,
  }));
  const text = formatAddress(there, output) + (inner === null ? '' : `@${inner}`);
  try {
    return resolveAddress(saved.model.graph, text).address === text ? text : null;
  } catch {
    return null;
  }
}

function saveModel(model: ModelFile): SavedModel | string {
  const slice = sliceModel(model, { outputs: [], inputs: [] });
  if (slice.format !== 'layers-model') return 'it is no layers-model';
  const [lack] = slice.plan.notExportable;
  if (lack) return `the whole model cannot be saved for TF.js (${lack.address}: ${lack.reason})`;
  if (!keepsCallOrder(model.graph)) return 'TF.js makes the calls of its reused layers in another order';
  const renamed = new Map(slice.renamed.map(({ address, name }) => [address, name]));
  return { model: reopened(model, slice), renamed };
}

/** What the saved files hold, without their bytes. */
function reopened({ file, weightEntries }: ModelFile, { modelConfig, weights }: LayersSlice): ModelFile {
  const manifest = readManifest(
    [
      {
        paths: ['weights.bin'],
        weights: weights.flatMap(({ name, entry }) => {
          const { shape, dtype } = weightEntries[entry] ?? {};
          return shape && dtype ? [{ name, shape, dtype }] : [];
        }),
      },
    ],
    file,
  );
  const bytes = manifest.groups.flatMap(({ entries }) => entries).reduce((sum, entry) => sum + (entry.bytes ?? 0), 0);
  // a copy: reading repairs configs in place, and these are the model's own
  const topology = JSON.stringify({ modelTopology: { keras_version: '2.15.0', model_config: modelConfig } });
  const root = JSON.parse(topology) as JsonObject;
  const shards = [{ path: 'weights.bin', size: bytes }];
  return openLayersModel({ file, root, manifest, hasManifest: true, shards, warnings: [], fileBytes: 0 });
}
