import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { commands, viewTypes } from '../../src/host/contributions';
import { golden, inWorkspace, startAfresh, until } from './modelEditor';
import { keras } from '../fixtures';

/** A fixture's file under a name of its own in the workspace. */
function copyFile(from: string[], name: string): vscode.Uri {
  const uri = inWorkspace(name);
  fs.copyFileSync(path.join(keras, ...from), uri.fsPath);
  return uri;
}

describe("Keras's own files", () => {
  const files = [
    ['digits-cnn.keras', 'digits-cnn', 'model.keras', 'keras-v3'],
    ['digits-cnn.h5', 'digits-cnn', 'keras2.h5', 'keras-h5'],
  ] as const;

  for (const [name, fixture, file, format] of files) {
    it(`${name} opens where one clicks it, runs and is cut`, async () => {
      const uri = copyFile([fixture, file], name);
      await startAfresh(uri);
      await vscode.commands.executeCommand('vscode.open', uri);
      const { model } = await until(uri, ({ loading, model: shown }) => !loading && shown !== null);
      const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
      assert.ok(input instanceof vscode.TabInputCustom && input.viewType === viewTypes.model);
      assert.equal(model?.format, format);
      assert.equal(model?.totals.params, golden(fixture).totals.params);
      await vscode.commands.executeCommand(commands.run, { uri });
      await until(uri, ({ run }) => run.state === 'done');
      const target = inWorkspace(`${name}-slice`);
      await vscode.commands.executeCommand(commands.markOutput, { uri, addresses: ['conv_2'] });
      await until(uri, ({ slice }) => slice.plan !== null);
      await vscode.commands.executeCommand(commands.saveSlice, { uri, target, overwrite: true });
      assert.ok(fs.existsSync(path.join(target.fsPath, 'model.json')));
    });
  }

  it('an .h5 of something else gets a page that says so', async () => {
    const uri = copyFile(['bad', 'h5-other-data.h5'], 'measurements.h5');
    await vscode.commands.executeCommand('vscode.open', uri);
    const { error } = await until(uri, ({ loading, error: shown }) => !loading && shown !== null);
    assert.equal(error?.code, 'not-a-model');
    await startAfresh(uri);
  });
});
