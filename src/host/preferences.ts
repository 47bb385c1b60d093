/** The user's settings, typed. */
import path from 'node:path';
import { ConfigurationTarget, workspace, type Uri } from 'vscode';
import { settings, settingsSection, type BackendChoice } from './contributions';

export interface Preferences {
  backend: BackendChoice;
  verifyAutomatically: boolean;
  colorMap: string;
  /** Absolute paths; empty without workspace trust. */
  customLayers: string[];
}

export function preferencesFor(uri: Uri): Preferences {
  const section = workspace.getConfiguration(settingsSection, uri);
  return {
    backend: section.get<BackendChoice>(settings.backend, 'auto'),
    verifyAutomatically: section.get(settings.verifyAutomatically, true),
    colorMap: section.get(settings.colorMap, 'auto'),
    customLayers: customLayers(section.get<unknown>(settings.customLayers), uri),
  };
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
