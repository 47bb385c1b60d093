/** The files that paths in programs lead to. */
import { FileType, Uri, workspace, type FileStat, type TextDocument } from 'vscode';
import { isAbsolute, type ModelPath } from '../../core/userCode/modelPath';
import { notebookOf } from './userPrograms';

/** Where web projects keep what their pages load by `/model.json`. */
const SERVED_FOLDER = 'public';

export interface ProgramFile {
  uri: Uri;
  stat: FileStat;
}

/**
 * Where a path may lead, likeliest first: from the program's folder, then from the workspace's folders. Only what lies in a
 * folder of the workspace (or, where none is open, below the program's own) is ever looked at.
 */
export function placesOf({ text, from }: ModelPath, document: TextDocument): Uri[] {
  const own = folderOf(document);
  const around = own && workspace.getWorkspaceFolder(own)?.uri;
  const folders = (workspace.workspaceFolders ?? []).map(({ uri }) => uri);
  const ordered = around ? [around, ...folders.filter((folder) => folder.toString() !== around.toString())] : folders;
  const bases = from === 'program' ? (own ? [own] : []) : [...(own ? [own] : []), ...ordered];
  const served = (from === 'program' ? [] : ordered).map((folder) => Uri.joinPath(folder, SERVED_FOLDER));
  const places = isAbsolute(text)
    ? [absolute(text, own ?? ordered[0]), ...[...ordered, ...served].map((base) => Uri.joinPath(base, text))]
    : [...bases, ...served].map((base) => Uri.joinPath(base, text));
  const allowed = folders.length > 0 ? folders : own ? [own] : [];
  const distinct = new Map(places.map((place) => [place.toString(), place]));
  return [...distinct.values()].filter((place) => allowed.some((folder) => isInside(place, folder)));
}

/** The first place at which there is a file. */
export async function fileAt(places: readonly Uri[]): Promise<ProgramFile | null> {
  for (const uri of places) {
    try {
      const stat = await workspace.fs.stat(uri);
      if ((stat.type & FileType.File) !== 0) return { uri, stat };
    } catch {
      // no such file: the next place
    }
  }
  return null;
}

function folderOf(document: TextDocument): Uri | null {
  const { uri, isUntitled } = notebookOf(document) ?? document;
  return isUntitled || uri.scheme === 'untitled' ? null : Uri.joinPath(uri, '..');
}

/** On the machine where the program's own file is. */
function absolute(text: string, beside: Uri | undefined): Uri {
  return !beside || beside.scheme === 'file' ? Uri.file(text) : beside.with({ path: text });
}

function isInside(place: Uri, folder: Uri): boolean {
  const root = folder.path.endsWith('/') ? folder.path : `${folder.path}/`;
  return place.scheme === folder.scheme && place.authority === folder.authority && place.path.startsWith(root);
}
