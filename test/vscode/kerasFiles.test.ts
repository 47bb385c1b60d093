import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { commands, viewTypes } from '../../src/host/contributions';
import { golden, inWorkspace, relativeDifference, startAfresh, until } from './modelEditor';
import { readNpz } from './numpyFiles';
import { predictPlain } from './plainTfjs';
import { canDrive, ui } from './ui';
import { images, keras } from '../fixtures';

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
      // in its own format, which opens again
      const part = inWorkspace(`part-of-${name}`);
      await vscode.commands.executeCommand(commands.saveSlice, { uri, target: part, overwrite: true });
      await vscode.commands.executeCommand('vscode.open', part);
      const reopened = await until(part, ({ loading, model: shown }) => !loading && shown !== null);
      assert.equal(reopened.model?.format, format);
      assert.equal(reopened.model.outputs.length, 1);
      await startAfresh(uri, part);
    });
  }

  it('the everyday case: features of a picture from a nested layer of an .h5, cut, with code', async function () {
    if (!canDrive) this.skip();
    const uri = copyFile(['nested-functional', 'keras3.h5'], 'pretrained.h5');
    await startAfresh(uri);
    await vscode.commands.executeCommand('vscode.open', uri);
    await until(uri, ({ loading, model }) => !loading && model !== null);
    await vscode.commands.executeCommand(commands.chooseInput, { uri, file: path.join(images, 'jpeg-420.jpg') });
    await vscode.commands.executeCommand(commands.run, { uri });
    await until(uri, ({ run }) => run.state === 'done');
    await vscode.commands.executeCommand(commands.previewLayer, { uri, addresses: ['block_a/bn'] });
    await ui(async ({ webview }) => {
      await webview().locator('.tree-row.selected .name:text-is("bn")').waitFor();
      await webview().locator('.details-pane canvas').first().waitFor();
    });

    const arrays = inWorkspace('pretrained.npz');
    await vscode.commands.executeCommand(commands.exportActivations, { uri, target: arrays, overwrite: true });
    const values = readNpz(arrays.fsPath);
    const [picture, features] = [values.get('image'), values.get('block_a/bn')];
    assert.ok(picture && features);
    await vscode.commands.executeCommand(commands.sliceToLayer, { uri, addresses: ['block_a/bn'] });
    const { slice } = await until(uri, ({ slice: { verification } }) => verification?.state === 'done');
    assert.equal(slice.plan?.boundary.closed, true);
    const target = inWorkspace('pretrained-features');
    await vscode.commands.executeCommand(commands.saveSlice, { uri, target, overwrite: true });
    const [plain] = predictPlain(path.join(target.fsPath, 'model.json'), picture);
    assert.deepEqual(plain?.shape, features.shape);
    assert.ok(relativeDifference(plain.values, features.values) <= 1e-5);

    const code = (language: string): Thenable<string> =>
      vscode.commands.executeCommand(commands.insertExtractionCode, {
        uri,
        recipe: 'nested',
        language,
        to: 'clipboard',
      });
    assert.match(await code('python'), /load_model\(path[^]*pretrained\.h5|pretrained\.h5[^]*load_model\(path/);
    assert.match(await code('typescript'), /model-slicer slice pretrained\.h5 --/);
  });

  it('an .h5 of something else gets a page that says so', async () => {
    const uri = copyFile(['bad', 'h5-other-data.h5'], 'measurements.h5');
    await vscode.commands.executeCommand('vscode.open', uri);
    const { error } = await until(uri, ({ loading, error: shown }) => !loading && shown !== null);
    assert.equal(error?.code, 'not-a-model');
    await startAfresh(uri);
  });
});
