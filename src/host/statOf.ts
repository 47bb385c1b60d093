import { workspace, type FileStat, type Uri } from 'vscode';

/** What is known of a file or folder; null where there is none that can be reached. */
export async function statOf(uri: Uri): Promise<FileStat | null> {
  try {
    return await workspace.fs.stat(uri);
  } catch {
    return null;
  }
}
