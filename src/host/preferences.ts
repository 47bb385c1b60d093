/** The user's settings, typed. */
import path from 'node:path';
import { ConfigurationTarget, workspace, type Uri } from 'vscode';
import type { NativeSearch } from '../protocol/engine';
import { settings, settingsSection, type BackendChoice } from './contributions';
import { nativeSearchFor } from './nativeSearch';

export interface Preferences {
  backend: BackendChoice;
  /** Where the native one may be. */
  native: NativeSearch;
  /** Bytes that a model's engine may take; 0: what the machine has decides. */
  memoryLimit: number;
  verifyAutomatically: boolean;
  colorMap: string;
  /** Absolute paths; empty without workspace trust. */
  customLayers: string[];
}

/** @param nativeHome where the native backend was installed on request. */
export function preferencesFor(uri: Uri, nativeHome: string): Preferences {
  const section = workspace.getConfiguration(settingsSection, uri);
  return {
    backend: chosenBackend(uri),
    native: nativeSearchFor(nativeHome, uri),
    memoryLimit: memoryLimit(section.get<unknown>(settings.memoryLimit)),
    verifyAutomatically: section.get(settings.verifyAutomatically, true),
    colorMap: section.get(settings.colorMap, 'auto'),
    customLayers: customLayers(section.get<unknown>(settings.customLayers), uri),
  };
}

export function chosenBackend(uri?: Uri): BackendChoice {
  return workspace.getConfiguration(settingsSection, uri).get<BackendChoice>(settings.backend, 'auto');
}

/** The setting is in MB. */
function memoryLimit(value: unknown): number {
  return typeof value === 'number' && value > 0 ? Math.floor(value * 2 ** 20) : 0;
}

/** These modules are code. VS Code already drops workspace values without trust; a user's own value waits for trust, too. */
function customLayers(value: unknown, uri: Uri): string[] {
  if (!workspace.isTrusted || !Array.isArray(value)) return [];
  const folder = workspace.getWorkspaceFolder(uri)?.uri.fsPath;
  return value
    .filter((item) => typeof item === 'string')
    .filter((item) => path.isAbsolute(item) || folder !== undefined)
    .map((item) => path.resolve(folder ?? '/', item));
}

/** Writes where the value in force comes from, else to the user's settings. */
export async function writeSetting(key: (typeof settings)[keyof typeof settings], value: string): Promise<void> {
  const section = workspace.getConfiguration(settingsSection);
  const inWorkspace = section.inspect(key)?.workspaceValue !== undefined;
  await section.update(key, value, inWorkspace ? ConfigurationTarget.Workspace : ConfigurationTarget.Global);
}
