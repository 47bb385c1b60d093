import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { commands } from '../../src/host/contributions';
import type { VerifyResult } from '../../src/protocol/engine';
import {
  copyFixture,
  goldenDigit,
  inWorkspace,
  openModel,
  relativeDifference,
  sample,
  startAfresh,
  until,
} from './modelEditor';
import { readNpz } from './numpyFiles';
import { predictPlain } from './plainTfjs';
import { canDrive, ui } from './ui';

const addresses = (marks: readonly { address: string }[]): string[] => marks.map(({ address }) => address);

describe('cutting a model', () => {
  beforeEach(() => startAfresh(sample()));

  it('marks by clicks, plans, proves and saves; the saved model gives the same numbers in plain TensorFlow.js', async function () {
    if (!canDrive) this.skip();
    await openModel(sample());
    await vscode.commands.executeCommand(commands.chooseInput, { uri: sample(), file: goldenDigit() });
    await ui(async ({ webview }) => {
      for (const name of ['conv_2', 'output_layer']) {
        const row = webview().locator('.tree-row', { has: webview().locator(`.name:text-is("${name}")`) });
        await row.locator('.mark-cell').click();
        await webview().locator(`.tree-row.marked .name:text-is("${name}")`).waitFor();
      }
      await webview().locator('.verdict.passed').waitFor();
    });
    const { slice } = await until(sample(), ({ slice: { verification } }) => verification.state === 'done');
    assert.deepEqual(addresses(slice.marks), ['conv_2', 'output_layer']);
    assert.deepEqual(
      slice.plan?.outputs.map(({ address, shape }) => [address, shape]),
      [
        ['conv_2', [null, 11, 11, 64]],
        ['output_layer', [null, 10]],
      ],
    );
    assert.equal(slice.plan?.params.total, 34826);
    assert.ok(slice.verification.state === 'done');
    assert.deepEqual(
      slice.verification.result.outputs.map(({ maxAbsDiff }) => maxAbsDiff),
      [0, 0],
    );
    assert.equal(slice.verification.stale, false);

    const target = inWorkspace('saved-slice');
    const written = await vscode.commands.executeCommand<{ files: string[] }>(commands.saveSlice, {
      uri: sample(),
      target,
    });
    const model = written.files.find((file) => file.endsWith('.json'));
    assert.ok(model);
    const archive = inWorkspace('for-slice.npz').fsPath;
    await vscode.commands.executeCommand(commands.exportActivations, {
      uri: sample(),
      target: archive,
      overwrite: true,
    });
    const kept = readNpz(archive);
    const input = kept.get('input_layer');
    assert.ok(input);
    const outputs = predictPlain(path.resolve(target.fsPath, model), input);
    for (const [i, address] of ['conv_2', 'output_layer'].entries()) {
      const [actual, expected] = [outputs[i], kept.get(address)];
      assert.ok(actual && expected);
      assert.deepEqual(actual.shape, expected.shape);
      // plain tfjs runs on its cpu backend here
      assert.ok(relativeDifference(actual.values, expected.values) <= 1e-4, address);
    }
  });

  it('a slice up to one layer keeps its weights byte for byte, and opens in the editor', async () => {
    const target = inWorkspace('prefix');
    await vscode.commands.executeCommand(commands.sliceToLayer, { uri: sample(), addresses: ['pool_1'] });
    const written = await vscode.commands.executeCommand<{ files: string[]; bytes: number }>(commands.saveSlice, {
      uri: sample(),
      target,
    });
    const weights = written.files.find((file) => file.endsWith('.bin'));
    assert.ok(weights);
    const original = fs.readFileSync(inWorkspace('digits-cnn', 'group1-shard1of1.bin').fsPath);
    // 320 numbers of conv_1: bias and kernel, in the file's own order
    assert.equal(fs.readFileSync(path.resolve(target.fsPath, weights)).length, 4 * 320);
    assert.ok(original.includes(fs.readFileSync(path.resolve(target.fsPath, weights)).subarray(0, 4 * 32)));
    const { model, error } = await openModel(vscode.Uri.joinPath(target, 'model.json'));
    assert.equal(error, null);
    assert.equal(model?.totals.params, 320);
  });

  it('does not write over what is there unless it is told to', async () => {
    const target = inWorkspace('twice');
    const save = (overwrite?: boolean): Thenable<unknown> =>
      vscode.commands.executeCommand(commands.saveSlice, { uri: sample(), addresses: ['conv_1'], target, overwrite });
    await save();
    await assert.rejects(async () => save(false), /exists already/);
    await save(true);
  });

  it('takes marks back and sets them again, by keys in the webview, too', async function () {
    if (!canDrive) this.skip();
    await openModel(sample());
    const mark = (address: string): Thenable<unknown> =>
      vscode.commands.executeCommand(commands.markOutput, { uri: sample(), addresses: [address] });
    await mark('conv_1');
    await mark('conv_2');
    await vscode.commands.executeCommand(commands.undoMarks, { uri: sample() });
    assert.deepEqual(addresses((await until(sample(), () => true)).slice.marks), ['conv_1']);
    await vscode.commands.executeCommand(commands.redoMarks, { uri: sample() });
    await ui(async ({ webview, page }) => {
      await webview().locator('.tree-row .name:text-is("flatten")').click();
      await page.keyboard.press('Control+z');
      await webview().locator('.tree-row.marked .name:text-is("conv_2")').waitFor({ state: 'hidden' });
      await page.keyboard.press('Control+y');
      await webview().locator('.tree-row.marked .name:text-is("conv_2")').waitFor();
    });
    const { slice } = await until(sample(), () => true);
    assert.deepEqual([addresses(slice.marks), slice.canUndo], [['conv_1', 'conv_2'], true]);
  });

  it('marks outlive the editor', async () => {
    await vscode.commands.executeCommand(commands.markOutput, { uri: sample(), addresses: ['flatten'] });
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    const { slice } = await openModel(sample());
    assert.deepEqual(slice.marks, [{ address: 'flatten', kind: 'output', stale: false }]);
    assert.deepEqual(
      slice.plan?.outputs.map(({ shape }) => shape),
      [[null, 1600]],
    );
  });

  it('names the nearest layers when an address is unknown', async () => {
    await openModel(sample());
    await assert.rejects(
      async () => vscode.commands.executeCommand(commands.markOutput, { uri: sample(), addresses: ['conv_3'] }),
      /conv_3.*did you mean.*conv_/,
    );
    assert.deepEqual((await until(sample(), () => true)).slice.marks, []);
  });

  it('a proof is out of date once the input is another one, and is made again', async () => {
    await openModel(sample());
    await vscode.commands.executeCommand(commands.sliceToLayer, { uri: sample(), addresses: ['conv_2'] });
    await until(sample(), ({ slice: { verification } }) => verification.state === 'done' && !verification.stale);
    const outdated = until(
      sample(),
      ({ slice: { verification } }) => verification.state === 'done' && verification.stale,
    );
    await vscode.commands.executeCommand(commands.chooseInput, { uri: sample(), source: { kind: 'random', seed: 11 } });
    await outdated;
    await until(sample(), ({ slice: { verification } }) => verification.state === 'done' && !verification.stale);
  });

  it('inside a nested model: difference 0', async () => {
    const folder = copyFixture('nested-functional/tfjs-keras3', 'nested');
    const uri = vscode.Uri.joinPath(folder, 'model.json');
    const { model } = await openModel(uri);
    const inner = model?.layers.filter(({ depth, class: name }) => depth > 0 && name !== 'InputLayer').at(0)
      ?.calls[0]?.address;
    assert.ok(inner);
    await vscode.commands.executeCommand(commands.sliceToLayer, { uri, addresses: [inner] });
    const result = await vscode.commands.executeCommand<VerifyResult>(commands.verifySlice, { uri });
    assert.deepEqual(result.outputs, [{ address: inner, maxAbsDiff: 0, equal: true }]);
    await startAfresh(uri);
  });
});
