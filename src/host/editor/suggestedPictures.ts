/** Pictures near a model that a user may want to run it on. */
import path from 'node:path';
import { RelativePattern, Uri, workspace } from 'vscode';

const LIMIT = 24;
const PICTURES = '**/*.{png,jpg,jpeg,PNG,JPG,JPEG}';

/** Those below the model's folder; if there are none and the folder above is still the workspace's, those below that. */
export async function suggestedPictures(model: Uri): Promise<{ label: string; path: string }[]> {
  if (model.scheme !== 'file') return [];
  const folder = Uri.joinPath(model, '..');
  const above = Uri.joinPath(folder, '..');
  const places = workspace.getWorkspaceFolder(above) ? [folder, above] : [folder];
  for (const place of places) {
    const found = await workspace.findFiles(new RelativePattern(place, PICTURES), '**/node_modules/**', LIMIT);
    if (found.length > 0) {
      return found
        .map(({ fsPath }) => ({ label: path.relative(place.fsPath, fsPath), path: fsPath }))
        .sort((a, b) => a.label.localeCompare(b.label, undefined, { numeric: true }));
    }
  }
  return [];
}
