/** Loads the user's custom-layer modules. Foreign code: only with trust, which the host and the CLI have asked for. */
import { createRequire } from 'node:module';
import Module from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import * as tfConverter from '@tensorflow/tfjs-converter';
import * as tfCore from '@tensorflow/tfjs-core';
import * as tfLayers from '@tensorflow/tfjs-layers';
import { SlicerError } from '../core/errors';
import { addChainedOperations } from './chainedOperations';
import { rememberOwnClasses } from './kernels/tfjsLayer';

/** What custom-layer modules get, and what `require('@tensorflow/tfjs')` gives them: the engine's own copy. */
export const ownTfjs = { ...tfConverter, ...tfLayers, ...tfCore };

const tfjsPackage = /^@tensorflow\/tfjs(-core|-layers|-converter|-node|-backend-\w+)?(\/.*)?$/;

type ModuleLoader = { _load(request: string, parent: { filename?: string } | null, isMain: boolean): unknown };
/** Folders whose modules get the engine's tfjs. */
const folders = new Set<string>();
let hooked = false;

/** Another copy would register the classes with itself, and models would not find them. */
function hookRequire(): void {
  if (hooked) return;
  hooked = true;
  const loader = Module as unknown as ModuleLoader;
  const load = loader._load;
  loader._load = function loadWithOwnTfjs(request, parent, isMain) {
    const from = parent?.filename ?? '';
    if (tfjsPackage.test(request) && [...folders].some((folder) => from.startsWith(folder + path.sep))) return ownTfjs;
    return load.call(this, request, parent, isMain);
  };
}

const loaded = new Set<string>();

/**
 * Each file exports a function `(tf) => void` that registers its classes (`module.exports =`, `exports.default =` or an
 * ES module's default).
 * @throws SlicerError `not-runnable` with `reason: 'custom-layers'`, the file and why.
 */
export async function loadCustomLayers(files: readonly string[]): Promise<void> {
  for (const file of files) {
    const target = path.resolve(file);
    if (loaded.has(target)) continue;
    rememberOwnClasses();
    addChainedOperations();
    hookRequire();
    folders.add(path.dirname(target));
    try {
      const register = registerFunction(await load(target));
      if (!register) throw new Error('it does not export a function');
      await register(ownTfjs);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new SlicerError('not-runnable', { reason: 'custom-layers', file: target, why }, { cause: error });
    }
    loaded.add(target);
  }
}

async function load(file: string): Promise<unknown> {
  try {
    return createRequire(file)(file) as unknown;
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_REQUIRE_ESM') throw error;
    return import(pathToFileURL(file).href);
  }
}

type Register = (tf: typeof ownTfjs) => unknown;

function registerFunction(exported: unknown): Register | null {
  if (typeof exported === 'function') return exported as Register;
  const inner = (exported as { default?: unknown } | null)?.default;
  if (typeof inner === 'function') return inner as Register;
  const twice = (inner as { default?: unknown } | undefined)?.default;
  return typeof twice === 'function' ? (twice as Register) : null;
}
