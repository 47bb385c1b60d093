/** Where the native backend may be: what the user named, what was installed on request, the workspace's packages. */
import path from 'node:path';
import { workspace, type Uri } from 'vscode';
import type { NativeSearch } from '../protocol/engine';
import { settings, settingsSection } from './contributions';

/** The folder in the extension's own storage into which *Install Native Backend* puts it. */
export const nativeFolder = 'tfjs-node';

/** @param installed that folder. @param uri the model, whose folders within the workspace are looked at, too. */
export function nativeSearchFor(installed: string, uri?: Uri): NativeSearch {
  const named = workspace.getConfiguration(settingsSection).get<unknown>(settings.nativeBackendPath);
  const folders = (workspace.workspaceFolders ?? []).flatMap((folder) =>
    folder.uri.scheme === 'file' ? [folder.uri.fsPath] : [],
  );
  const own = uri?.scheme === 'file' ? foldersAbove(uri.fsPath, workspace.getWorkspaceFolder(uri)?.uri.fsPath) : [];
  return {
    named: typeof named === 'string' && named.trim() !== '' ? path.resolve('/', named.trim()) : null,
    folders: [installed, ...own, ...folders],
    trusted: workspace.isTrusted,
  };
}

/** The folders of `file` up to and with `root`, the nearest first, as Node looks for packages. */
function foldersAbove(file: string, root: string | undefined): string[] {
  const found: string[] = [];
  if (root === undefined) return found;
  for (let folder = path.dirname(file); folder.startsWith(root + path.sep); folder = path.dirname(folder))
    found.push(folder);
  return found;
}
