import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { commands } from '../../src/host/contributions';
import { images, keras } from '../fixtures';
import {
  copyFixture,
  golden,
  goldenDigit,
  inWorkspace,
  openModel,
  relativeDifference,
  sample,
  startAfresh,
  until,
} from './modelEditor';
import { readNpz } from './numpyFiles';
import { canDrive, ui } from './ui';

/** Keras and another runtime: DESIGN, "equal". */
const TOLERANCE = 1e-4;

describe('running a model', () => {
  beforeEach(() => startAfresh(sample()));

  it('on a picture: the right class, and every activation equal to that of Keras', async () => {
    await openModel(sample());
    await vscode.commands.executeCommand(commands.chooseInput, { uri: sample(), file: goldenDigit() });
    await vscode.commands.executeCommand(commands.run, { uri: sample() });
    const { run, activations } = await until(sample(), ({ run: { outputs } }) => outputs.length > 0);
    assert.equal(run.state, 'done');
    assert.deepEqual(
      run.outputs.map(({ address, top }) => [address, top[0]?.index, top[0]?.label]),
      [['output_layer', 3, 'three']],
    );
    const expected = golden('digits-cnn').activations as Record<
      string,
      { shape: number[]; min: number; max: number; mean: number; std: number; l2: number; first: number[] }
    >;
    assert.deepEqual(
      activations.map(({ address }) => address),
      Object.keys(expected),
    );
    for (const { address, shape, statistics, thumbnail } of activations) {
      const wanted = expected[address];
      assert.ok(wanted);
      assert.deepEqual(shape, wanted.shape, address);
      const largest = Math.max(1, Math.abs(wanted.min), Math.abs(wanted.max));
      for (const name of ['min', 'max', 'mean', 'std'] as const) {
        assert.ok(Math.abs(statistics[name] - wanted[name]) <= TOLERANCE * largest, `${address} ${name}`);
      }
      assert.ok(relativeDifference([statistics.l2], [wanted.l2]) <= TOLERANCE, `${address} l2`);
      assert.ok(relativeDifference(statistics.first, wanted.first) <= TOLERANCE, `${address} first`);
      assert.ok(thumbnail && thumbnail.rgba.length === 4 * thumbnail.width * thumbnail.height, address);
    }
  });

  it('exports every activation, equal to those of Keras', async () => {
    const target = inWorkspace('activations.npz').fsPath;
    await vscode.commands.executeCommand(commands.chooseInput, { uri: sample(), file: goldenDigit() });
    await vscode.commands.executeCommand(commands.exportActivations, { uri: sample(), target, overwrite: true });
    const arrays = readNpz(target);
    const expected = golden('digits-cnn').activations;
    const whole = readNpz(path.join(keras, 'digits-cnn', 'activations.npz'));
    assert.deepEqual([...arrays.keys()].sort(), Object.keys(expected).sort());
    for (const [address, { shape, first, npz }] of Object.entries(expected)) {
      const array = arrays.get(address);
      assert.ok(array);
      assert.deepEqual(array.shape, shape);
      assert.ok(relativeDifference(array.values.slice(0, 8), first) <= TOLERANCE, address);
      const all = npz === undefined ? undefined : whole.get(npz);
      if (all) assert.ok(relativeDifference(array.values, all.values) <= TOLERANCE, address);
    }
    await assert.rejects(
      async () =>
        vscode.commands.executeCommand(commands.exportActivations, { uri: sample(), target, overwrite: false }),
      /exists already/,
    );
  });

  it('exports chosen layers as a folder with pictures', async () => {
    const target = inWorkspace('chosen').fsPath;
    const args = { uri: sample(), target, addresses: ['conv_1'] };
    const written = await vscode.commands.executeCommand<{ files: string[] }>(commands.exportActivations, args);
    assert.ok(written.files.some((file) => file.endsWith('.npy')));
    assert.ok(written.files.some((file) => file.endsWith('.png')));
    assert.ok(fs.readdirSync(target).every((name) => name.startsWith('conv_1')));
  });

  it('by the button: thumbnails in the rows, the channels of the layer that is selected', async function () {
    if (!canDrive) this.skip();
    await openModel(sample());
    await vscode.commands.executeCommand(commands.chooseInput, { uri: sample(), file: goldenDigit() });
    await ui(async ({ webview }) => {
      await webview().locator('.tree-row .name:text-is("conv_2")').click();
      await webview().getByRole('tab', { name: 'Activations' }).click();
      await webview().getByText('Run', { exact: true }).first().click();
      await webview().locator('.tree-row canvas.thumbnail').nth(5).waitFor();
    });
    const { run } = await until(sample(), ({ run: { state } }) => state === 'done');
    assert.equal(run.live, true);
    await ui(async ({ webview }) => webview().locator('ms-activations canvas, .details-pane canvas').first().waitFor());
  });

  it('says in one sentence why a picture cannot be used, and goes on', async () => {
    await openModel(sample());
    const file = path.join(images, 'jpeg-420.jpg');
    const cut = inWorkspace('cut.jpg').fsPath;
    fs.writeFileSync(cut, fs.readFileSync(file).subarray(0, 100));
    await vscode.commands.executeCommand(commands.chooseInput, { uri: sample(), file: cut });
    const { input } = await until(sample(), ({ input: { error } }) => error !== null);
    assert.match(input.error ?? '', /cut\.jpg/);
    await assert.rejects(async () => vscode.commands.executeCommand(commands.run, { uri: sample() }), /cut\.jpg/);
    assert.equal(
      (await until(sample(), ({ run: { state } }) => state === 'failed')).run.message?.includes('cut.jpg'),
      true,
    );
    await vscode.commands.executeCommand(commands.chooseInput, { uri: sample(), file: goldenDigit() });
    await vscode.commands.executeCommand(commands.run, { uri: sample() });
    await until(sample(), ({ run: { state } }) => state === 'done');
  });

  it('names both shapes when an array does not fit', async () => {
    await openModel(sample());
    const file = inWorkspace('wrong.json').fsPath;
    fs.writeFileSync(file, JSON.stringify([[1, 2, 3]]));
    await vscode.commands.executeCommand(commands.chooseInput, { uri: sample(), file });
    const { input } = await until(sample(), ({ input: { error } }) => error !== null);
    assert.match(input.error ?? '', /28/);
    assert.match(input.error ?? '', /3/);
  });

  it('several inputs: arrays of NumPy', async () => {
    const folder = copyFixture('two-inputs-two-outputs/tfjs-keras2-h5', 'two-inputs');
    const uri = vscode.Uri.joinPath(folder, 'model.json');
    const { model } = await openModel(uri);
    const source = path.join(keras, 'two-inputs-two-outputs');
    for (const [i, { name }] of (model?.inputs ?? []).entries()) {
      await vscode.commands.executeCommand(commands.chooseInput, {
        uri,
        input: name,
        file: path.join(source, `input-${i}.npy`),
      });
    }
    await vscode.commands.executeCommand(commands.run, { uri });
    const { activations } = await until(uri, ({ run }) => run.state === 'done');
    const expected = golden('two-inputs-two-outputs').activations;
    for (const { address, statistics } of activations) {
      const wanted = expected[address];
      assert.ok(wanted, address);
      assert.ok(relativeDifference(statistics.first, wanted.first) <= TOLERANCE, address);
    }
    await startAfresh(uri);
  });

  it('remembers the input, and shows the summary in three formats', async () => {
    await openModel(sample());
    await vscode.commands.executeCommand(commands.chooseInput, { uri: sample(), file: goldenDigit() });
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    const { input } = await openModel(sample());
    assert.equal(input.specs[0]?.source.kind, 'picture');
    const summary = (format: string): Thenable<string> =>
      vscode.commands.executeCommand<string>(commands.exportSummary, { uri: sample(), format });
    assert.match(await summary('markdown'), /\| conv\\_2 \| Conv2D \|.*18,496/);
    assert.match(await summary('csv'), /conv_2,Conv2D/);
    assert.equal((JSON.parse(await summary('json')) as { totals: { params: number } }).totals.params, 34826);
    const target = inWorkspace('summary.md');
    await vscode.commands.executeCommand(commands.exportSummary, { uri: sample(), format: 'markdown', target });
    assert.match(fs.readFileSync(target.fsPath, 'utf8'), /18,496/);
  });

  it('what was run before is cancelled by a new run', async () => {
    await openModel(sample());
    const first = vscode.commands.executeCommand(commands.run, { uri: sample() });
    const second = vscode.commands.executeCommand<{ outputs: unknown[] }>(commands.run, { uri: sample() });
    assert.equal(await first, undefined);
    assert.equal((await second).outputs.length, 1);
  });
});
