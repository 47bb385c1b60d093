/** What the tests do with models in VS Code, and how they wait: for what the editor shows, never for time. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { ModelSlicerApi } from '../../src/extension';
import { viewTypeOf } from '../../src/host/contributions';
import type { ViewerState } from '../../src/protocol/viewer';
import { keras } from '../fixtures';

export async function activate(): Promise<ModelSlicerApi> {
  const extension = vscode.extensions.getExtension<ModelSlicerApi>('model-slicer.model-slicer');
  assert.ok(extension, 'the extension is installed');
  return extension.activate();
}

export function inWorkspace(...names: string[]): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.[0];
  assert.ok(folder);
  return vscode.Uri.joinPath(folder.uri, ...names);
}

/** The sample that the workspace starts with. */
export const sample = (): vscode.Uri => inWorkspace('digits-cnn', 'model.json');

/** Copies a folder of fixtures/keras into the workspace; returns the copy. */
export function copyFixture(from: string, to: string): vscode.Uri {
  const target = inWorkspace(to);
  fs.rmSync(target.fsPath, { recursive: true, force: true });
  fs.cpSync(path.join(keras, from), target.fsPath, { recursive: true });
  return target;
}

/** Waits until what the editors of `uri` show fits; fails with the last state that did not. */
export async function until(
  uri: vscode.Uri,
  condition: (state: ViewerState) => boolean,
  ms = 30_000,
): Promise<ViewerState> {
  const api = await activate();
  const current = (): ViewerState | null => {
    const state = api.stateOf(uri);
    return state && condition(state) ? state : null;
  };
  const now = current();
  if (now) return now;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      listening.dispose();
      reject(new Error(`${uri.path} did not come to ${condition.toString()}: ${describe(api.stateOf(uri))}`));
    }, ms);
    const listening = api.onDidChangeState((changed) => {
      const state = changed.toString() === uri.toString() ? current() : null;
      if (!state) return;
      clearTimeout(timer);
      listening.dispose();
      resolve(state);
    });
  });
}

function describe(state: ViewerState | null): string {
  if (!state) return 'it is not open';
  const { loading, error, slice, run, input } = state;
  return JSON.stringify({
    loading,
    error,
    slice: { ...slice, plan: slice.plan?.cut ?? null },
    run,
    input: { error: input.error, specs: input.specs },
  });
}

/** Opens the editor and waits until the model is read, or its error page is there. */
export async function openModel(uri: vscode.Uri, column?: vscode.ViewColumn): Promise<ViewerState> {
  await vscode.commands.executeCommand('vscode.openWith', uri, viewTypeOf(uri), column ?? vscode.ViewColumn.One);
  return until(uri, ({ loading, model, error }) => !loading && (model !== null || error !== null));
}

/** No editor, no mark and no input of the test before. */
export async function startAfresh(...models: vscode.Uri[]): Promise<void> {
  for (const uri of models) {
    if ((await activate()).stateOf(uri)?.model) await vscode.commands.executeCommand('modelSlicer.clearMarks', { uri });
  }
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
}

/** The picture of the sample that the golden activations were computed from. */
export const goldenDigit = (): string => inWorkspace('digits-cnn', 'samples', 'digit-3-27.png').fsPath;

export interface Golden {
  totals: { params: number; trainable: number; nonTrainable: number };
  layers: { address: string; class: string; params: number; calls: { outputShapes: (number | null)[][] }[] }[];
  activations: Record<string, { shape: number[]; npz?: string; first: number[] }>;
}

/** What Keras says of a fixture. */
export function golden(name: string): Golden {
  return JSON.parse(fs.readFileSync(path.join(keras, name, 'golden.json'), 'utf8')) as Golden;
}

/** DESIGN: equal means 1e-4 × max(1, largest absolute value). Returns the largest difference by that measure. */
export function relativeDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(actual.length, expected.length);
  let scale = 1;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i] ?? NaN, expected[i] ?? NaN];
    scale = Math.max(scale, Math.abs(e));
    // NaN must not look like no difference
    const difference = Math.abs(a - e);
    worst = difference <= worst ? worst : difference;
  }
  return worst / scale;
}
