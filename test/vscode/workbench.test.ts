import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { canDrive, ui } from './ui';

describe('the test bench', () => {
  it('runs in an extension host with the sample in its workspace', async () => {
    assert.equal(vscode.workspace.workspaceFolders?.length, 1);
    const found = await vscode.workspace.findFiles('**/model.json');
    assert.ok(found.some((uri) => uri.path.endsWith('/digits-cnn/model.json')));
  });

  it('drives the workbench that a user would see', async function () {
    if (!canDrive) this.skip();
    await vscode.commands.executeCommand('workbench.view.explorer');
    const folder = await ui(
      ({ page }, name) => page.locator('.explorer-folders-view', { hasText: name }).count(),
      'digits-cnn',
    );
    assert.equal(folder, 1);
  });

  it('hands an error of the browser to the test', async function () {
    if (!canDrive) this.skip();
    await assert.rejects(
      ui(() => {
        throw new Error('said in the browser');
      }),
      /said in the browser/,
    );
  });
});
