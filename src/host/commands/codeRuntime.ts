/** Where the user's program gets TF.js from: its own imports, the nearest package.json, or what the user chose instead. */
import { Uri, workspace, type Memento } from 'vscode';
import {
  runtimeOfCode,
  runtimeOfProject,
  type CodeRuntime,
  type ProjectRuntime,
} from '../../core/codegen/projectRuntime';
import { fileLanguage, fileOf, type CodePlace } from '../languages/codeEditors';

const DEFAULT: ProjectRuntime = { runtime: 'tfjs', module: '@tensorflow/tfjs' };
/** A package.json is small; folders above that hold something else are not searched for ever. */
const LARGEST = 1024 * 1024;
const DEEPEST = 32;

/** @param model where the project is looked for when there is no code yet. */
export async function findRuntime(place: CodePlace | null, model: Uri): Promise<ProjectRuntime> {
  const own = place ? runtimeOfCode(place.document.getText()) : null;
  if (own?.runtime === 'tfjs-node') return own;
  const file = place ? fileOf(place.document) : model;
  const from = file.scheme === 'untitled' ? (workspace.workspaceFolders?.[0]?.uri ?? model) : Uri.joinPath(file, '..');
  const project = await projectAbove(from);
  const inPage = place !== null && fileLanguage(place.document)?.language === 'component';
  // without Node's TF.js in the file, what only that has is not there
  if (own) return { ...own, runtime: inPage || project?.runtime === 'browser' ? 'browser' : own.runtime };
  return project ?? (inPage ? { ...DEFAULT, runtime: 'browser' } : DEFAULT);
}

async function projectAbove(from: Uri): Promise<ProjectRuntime | null> {
  let folder = from;
  for (let depth = 0; depth < DEEPEST; depth += 1) {
    const found = runtimeOfProject(await packageIn(folder));
    const above = Uri.joinPath(folder, '..');
    if (found || above.path === folder.path) return found;
    folder = above;
  }
  return null;
}

async function packageIn(folder: Uri): Promise<unknown> {
  const file = Uri.joinPath(folder, 'package.json');
  try {
    if ((await workspace.fs.stat(file)).size > LARGEST) return null;
    return JSON.parse(new TextDecoder().decode(await workspace.fs.readFile(file))) as unknown;
  } catch {
    // none here, or one that cannot be read
    return null;
  }
}

export function withRuntime(found: ProjectRuntime, runtime: CodeRuntime): ProjectRuntime {
  if (runtime === found.runtime) return found;
  return { runtime, module: runtime === 'tfjs-node' ? '@tensorflow/tfjs-node' : '@tensorflow/tfjs' };
}

const KEY = 'code.runtime';

/** What the user chose where this was found: held until something else is found. */
export function chosenRuntime(state: Memento, found: ProjectRuntime): ProjectRuntime {
  const kept = state.get<{ found: CodeRuntime; chosen: CodeRuntime }>(KEY);
  return kept?.found === found.runtime ? withRuntime(found, kept.chosen) : found;
}

export async function rememberRuntime(state: Memento, found: ProjectRuntime, chosen: CodeRuntime): Promise<void> {
  await state.update(KEY, chosen === found.runtime ? undefined : { found: found.runtime, chosen });
}
