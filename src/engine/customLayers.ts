/** Loads the user's custom-layer modules. Foreign code: only with trust, which the host and the CLI have asked for. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import * as tfLayers from '@tensorflow/tfjs-layers';
import { SlicerError } from '../core/errors';
import { isKnownClass } from '../core/layers/layerFacts';
import type { Problem } from '../core/model/modelFile';
import { addChainedOperations } from './chainedOperations';
import { isCustomClass, rememberOwnClasses, userClasses } from './kernels/tfjsLayer';
import { giveOwnTfjs, ownTfjs } from './ownTfjs';

/** What is to be said of each module that was loaded; modules are loaded once in the life of a process. */
const loaded = new Map<string, Problem[]>();

/**
 * Each file registers its classes: it exports a function `(tf) => void` that does (`module.exports =`,
 * `exports.default =` or an ES module's default), or does so when it is loaded.
 * @param onLoading told which module is being loaded, before it can keep the process busy; null when that is done.
 * @returns what is to be said about modules that were loaded all the same.
 * @throws SlicerError `not-runnable` with `reason: 'custom-layers'`, the file and why.
 */
export async function loadCustomLayers(
  files: readonly string[],
  onLoading: (file: string | null) => void = () => undefined,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const file of files) {
    const target = path.resolve(file);
    const known = loaded.get(target);
    if (known) {
      problems.push(...known);
      continue;
    }
    try {
      onLoading(target);
      // the message must be out before the module has the process for itself
      await new Promise((resume) => setImmediate(resume));
      const own = await loadModule(target);
      loaded.set(target, own);
      problems.push(...own);
    } catch (error) {
      if (error instanceof SlicerError) throw error;
      const data = { reason: 'custom-layers', file: target, why: whyOf(error) };
      throw new SlicerError('not-runnable', data, { cause: error });
    } finally {
      onLoading(null);
    }
  }
  return problems;
}

/** What is said of layers whose class is unknown, where a module has registered it. */
export function sayRegistered(problems: readonly Problem[]): Problem[] {
  return problems.map((problem) =>
    problem.code === 'unknown-class' && typeof problem.data.class === 'string' && isCustomClass(problem.data.class)
      ? { ...problem, data: { reason: 'registered', ...problem.data } }
      : problem,
  );
}

async function loadModule(file: string): Promise<Problem[]> {
  rememberOwnClasses();
  addChainedOperations();
  giveOwnTfjs(path.dirname(file));
  const before = userClasses();
  const exported = await importModule(file);
  const register = registerFunction(exported);
  if (register) await register(ownTfjs);
  const registered = [...userClasses()].filter(([name, made]) => before.get(name) !== made);
  if (!register && registered.length === 0) throw new Error('it does not export a function');
  const foreign = registered.find(([, made]) => !(made.prototype instanceof tfLayers.layers.Layer));
  if (foreign) {
    throw new Error(
      `the class ${foreign[0]} does not extend the Layer of the TensorFlow.js that its function is given, but another one`,
    );
  }
  const shadowing = registered.map(([name]) => name).filter((name) => name !== 'Lambda' && isKnownClass(name));
  const warning = (data: Problem['data']): Problem => ({
    code: 'custom-layers',
    severity: 'warning',
    address: null,
    data: { file: path.basename(file), ...data },
  });
  if (registered.length === 0) return [warning({ reason: 'nothing' })];
  return shadowing.length > 0 ? [warning({ reason: 'shadows', classes: shadowing })] : [];
}

async function importModule(file: string): Promise<unknown> {
  // Node runs TypeScript by leaving its types out, from 22.18 on; VS Code's does not
  if (/\.[cm]?ts$/.test(file) && !(process.features as { typescript?: unknown }).typescript)
    throw new SlicerError('not-runnable', { reason: 'typescript', file, node: process.versions.node });
  try {
    return createRequire(file)(file) as unknown;
  } catch (error) {
    const { code } = error as { code?: string };
    // ES modules, and those that wait at their top level
    if (code !== 'ERR_REQUIRE_ESM' && code !== 'ERR_REQUIRE_ASYNC_MODULE') throw error;
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

/** The first line of what was thrown: Node's messages of modules that are not there go on with who asked for them. */
function whyOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const [first = ''] = text.split('\n');
  const name = error instanceof Error && error.name !== 'Error' ? `${error.name}: ` : '';
  return `${name}${first.replace(/\.$/, '')}`;
}
