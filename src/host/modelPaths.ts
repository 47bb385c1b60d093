/** Tells the explorer's menu which files and folders are models, once the extension is active for another reason. */
import { commands, Uri, workspace } from 'vscode';
import { contextKeys } from './contributions';

const LIMIT = 500;

export class ModelPaths {
  private readonly known: Record<string, true> = {};
  private searched = false;

  /** A file that opened as a model, whatever its name. The first one starts a look around the workspace, by name only. */
  async add(model: Uri): Promise<void> {
    this.note(model);
    if (!this.searched) {
      this.searched = true;
      for (const file of await workspace.findFiles('**/[Mm]odel*.json', '**/node_modules/**', LIMIT)) this.note(file);
    }
    await commands.executeCommand('setContext', contextKeys.modelPaths, this.known);
  }

  /** Menus compare `resourcePath`, which is one or the other, depending on the system. */
  private note(model: Uri): void {
    for (const uri of [model, Uri.joinPath(model, '..')]) {
      this.known[uri.path] = true;
      this.known[uri.fsPath] = true;
    }
  }
}
