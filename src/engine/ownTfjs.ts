/** The one copy of TensorFlow.js in this process, for code that brings a copy of its own: users' layers, tfjs-node. */
import Module from 'node:module';
import path from 'node:path';
import * as tfConverter from '@tensorflow/tfjs-converter';
import * as tfCore from '@tensorflow/tfjs-core';
import * as tfLayers from '@tensorflow/tfjs-layers';

/** What custom-layer modules get, and what `require('@tensorflow/tfjs')` gives them: the engine's own copy. */
export const ownTfjs = { ...tfConverter, ...tfLayers, ...tfCore };

const tfjsPackage = /^@tensorflow\/tfjs(-core|-layers|-converter|-node|-node-gpu|-backend-\w+)?(\/.*)?$/;

type ModuleLoader = { _load(request: string, parent: { filename?: string } | null, isMain: boolean): unknown };
/** Folders whose modules get the engine's tfjs, and what else they get instead of what they ask for. */
const folders = new Map<string, ReadonlyMap<string, unknown>>();
let hooked = false;

/**
 * From now on `require('@tensorflow/tfjs…')` in modules of this folder gives `ownTfjs`: another copy would register classes,
 * kernels and backends with itself, and models would not find them.
 * @param others what else the folder's modules get, by the name they ask for.
 */
export function giveOwnTfjs(folder: string, others: ReadonlyMap<string, unknown> = new Map()): void {
  folders.set(folder, others);
  if (hooked) return;
  hooked = true;
  const loader = Module as unknown as ModuleLoader;
  const load = loader._load;
  loader._load = function loadWithOwnTfjs(request, parent, isMain) {
    const from = parent?.filename ?? '';
    for (const [own, instead] of folders) {
      if (!from.startsWith(own + path.sep)) continue;
      if (instead.has(request)) return instead.get(request);
      if (tfjsPackage.test(request)) return ownTfjs;
    }
    return load.call(this, request, parent, isMain);
  };
}
