import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { commands } from '../../src/host/contributions';
import { keras } from '../fixtures';
import { copyFixture, inWorkspace, openModel, sample, startAfresh, until } from './modelEditor';
import { canDrive, ui } from './ui';

interface BadCase {
  name: string;
  open?: string;
  kind: string;
  alternative?: string;
  names: string[];
  synthesize?: {
    file: string;
    before: string;
    open: string;
    middle: string;
    close: string;
    times: number;
    after: string;
  };
}

/** Its file holds the weight entry alone, not the model that its description speaks of. */
const NOT_AS_DESCRIBED = 'tfjs-missing-weight-entry';

/** Those of the fixtures' bad files that this version reads: JSON. */
function badCases(): BadCase[] {
  const manifest = JSON.parse(fs.readFileSync(path.join(keras, 'manifest.json'), 'utf8')) as {
    bad: { cases: BadCase[] };
  };
  return manifest.bad.cases.filter(({ name }) => name.startsWith('tfjs-') && name !== NOT_AS_DESCRIBED);
}

/** A copy of the case in the workspace; `bad/outside.bin` is not copied: nothing outside may be read. */
function place({ name, open, synthesize }: BadCase): vscode.Uri {
  if (open !== undefined) return vscode.Uri.joinPath(copyFixture(path.dirname(open), name), path.basename(open));
  assert.ok(synthesize);
  const { file, before, open: opening, middle, close, times, after } = synthesize;
  const uri = inWorkspace(name, file);
  fs.mkdirSync(path.dirname(uri.fsPath), { recursive: true });
  fs.writeFileSync(uri.fsPath, before + opening.repeat(times) + middle + close.repeat(times) + after);
  return uri;
}

describe('files that are wrong', () => {
  afterEach(() => startAfresh());

  for (const bad of badCases()) {
    it(`${bad.name}: ${bad.kind}`, async () => {
      const { error, model } = await openModel(place(bad));
      const allowed = [bad.kind, bad.alternative];
      const code = error?.code ?? 'opens';
      const weightsOnly = bad.name === 'tfjs-no-manifest' && model !== null;
      assert.ok(allowed.includes(code) || weightsOnly, `${code}: ${error?.message ?? ''}`);
      if (!error || code !== bad.kind) return;
      for (const name of bad.names)
        assert.ok(
          error.message.replaceAll(/\s/g, '').includes(name.replaceAll(/\s/g, '')),
          `"${error.message}" names ${name}`,
        );
      assert.match(error.message, /^[^\n]{20,400}$/);
    });
  }

  it('a page in the editor says what, and offers what can be done', async function () {
    if (!canDrive) this.skip();
    const uri = vscode.Uri.joinPath(copyFixture('bad/tfjs-truncated-shard', 'truncated'), 'model.json');
    const { error } = await openModel(uri);
    assert.equal(error?.code, 'truncated-weights');
    assert.equal(error.canOpenStructure, true);
    await ui(async ({ webview }, message) => {
      await webview().locator('.error-page').getByText(message).waitFor();
      await webview().getByText('Open structure only').click();
      await webview().locator('.tree-row').first().waitFor();
      await webview().locator('.banner').getByText(message).waitFor();
    }, error.message);
    const state = await until(uri, ({ model }) => model !== null);
    assert.equal(state.error?.code, 'truncated-weights');
    await assert.rejects(async () => vscode.commands.executeCommand(commands.run, { uri }));
  });

  it('JSON that is no model: a page that says so and leads back to text', async function () {
    if (!canDrive) this.skip();
    const uri = inWorkspace('settings.json');
    fs.writeFileSync(uri.fsPath, '{"editor.fontSize": 12}');
    const { error } = await openModel(uri);
    assert.equal(error?.code, 'not-a-model');
    await ui(async ({ webview }) => {
      await webview().locator('.error-page').waitFor();
      await webview().getByText('Reopen as text').click();
    });
    const isText = (): boolean => vscode.window.activeTextEditor?.document.uri.path === uri.path;
    if (!isText()) {
      await new Promise<void>((resolve) => {
        const listening = vscode.window.onDidChangeActiveTextEditor(() => {
          if (!isText()) return;
          listening.dispose();
          resolve();
        });
      });
    }
  });

  it('names out of a file are text, never HTML', async function () {
    if (!canDrive) this.skip();
    const uri = vscode.Uri.joinPath(copyFixture('bad/tfjs-html-names', 'html-names'), 'model.json');
    const { model } = await openModel(uri);
    const names = (model?.layers ?? []).map(({ name }) => name);
    assert.ok(names.some((name) => name.includes('<')));
    const shown = await ui(async ({ webview }) => {
      await webview().locator('.tree-row').first().waitFor();
      for (const row of await webview().locator('.tree-row').all()) await row.click();
      const texts = await webview().locator('.tree-row .name').allTextContents();
      const foreign = await webview()
        .locator('.tree-row script, .tree-row img, .details-pane script, .details-pane img')
        .count();
      return { texts, foreign };
    });
    assert.deepEqual(
      shown.texts.map((text) => text.trim()),
      names,
    );
    assert.equal(shown.foreign, 0);
  });
});

describe('files that change', () => {
  beforeEach(() => startAfresh(sample()));
  afterEach(() => startAfresh());

  it('a model that is written anew is read anew; marks that no longer fit turn stale', async () => {
    const folder = copyFixture('digits-cnn/tfjs-keras2-h5', 'changing');
    const uri = vscode.Uri.joinPath(folder, 'model.json');
    await openModel(uri);
    await vscode.commands.executeCommand(commands.markOutput, { uri, addresses: ['conv_1', 'conv_2'] });
    const text = fs.readFileSync(uri.fsPath, 'utf8');
    fs.writeFileSync(uri.fsPath, text.replaceAll('conv_2', 'conv_x'));
    const { slice, model } = await until(
      uri,
      ({ model: now }) => now?.layers.some(({ name }) => name === 'conv_x') ?? false,
    );
    assert.deepEqual(
      slice.marks.map(({ address, stale }) => [address, stale]),
      [
        ['conv_1', false],
        ['conv_2', true],
      ],
    );
    assert.deepEqual(
      slice.plan?.outputs.map(({ address }) => address),
      ['conv_1'],
    );
    assert.ok(model);
    fs.writeFileSync(uri.fsPath, text);
    await until(uri, ({ slice: { marks } }) => marks.length === 2 && marks.every(({ stale }) => !stale));
  });

  it('a file that was broken opens once it is whole', async () => {
    const folder = copyFixture('digits-cnn/tfjs-keras2-h5', 'mended');
    const uri = vscode.Uri.joinPath(folder, 'model.json');
    const shard = vscode.Uri.joinPath(folder, 'group1-shard1of1.bin').fsPath;
    const bytes = fs.readFileSync(shard);
    fs.writeFileSync(shard, bytes.subarray(0, 1000));
    assert.equal((await openModel(uri)).error?.code, 'truncated-weights');
    fs.writeFileSync(shard, bytes);
    const { model } = await until(uri, ({ error }) => error === null);
    assert.equal(model?.totals.params, 34826);
  });

  it('tensors of the file before are gone', async () => {
    const folder = copyFixture('digits-cnn/tfjs-keras2-h5', 'rerun');
    const uri = vscode.Uri.joinPath(folder, 'model.json');
    await openModel(uri);
    await vscode.commands.executeCommand(commands.run, { uri });
    await until(uri, ({ run }) => run.live);
    const reloaded = until(uri, ({ run, loading }) => !run.live && !loading);
    fs.appendFileSync(uri.fsPath, '\n');
    const { activations } = await reloaded;
    assert.equal(activations.length, 7);
  });

  it('a folder that is deleted, unreadable, or another one while the model is open: said, marks kept, read anew', async () => {
    const folder = copyFixture('digits-cnn/tfjs-keras2-h5', 'vanishing');
    const uri = vscode.Uri.joinPath(folder, 'model.json');
    const away = `${folder.fsPath}-away`;
    fs.rmSync(away, { recursive: true, force: true });
    await openModel(uri);
    await vscode.commands.executeCommand(commands.markOutput, { uri, addresses: ['conv_1'] });
    fs.renameSync(folder.fsPath, away);
    const target = inWorkspace('from-vanished');
    await assert.rejects(async () =>
      vscode.commands.executeCommand(commands.saveSlice, { uri, addresses: ['conv_1'], target }),
    );
    assert.ok(!fs.existsSync(vscode.Uri.joinPath(target, 'model.json').fsPath));
    await until(uri, ({ error, loading }) => !loading && error?.code === 'missing-file');
    // another model in its place
    fs.cpSync(path.join(keras, 'residual-block', 'tfjs-keras2-h5'), folder.fsPath, { recursive: true });
    const other = await until(uri, ({ error, model, loading }) => !loading && error === null && model !== null);
    assert.deepEqual(
      other.slice.marks.map(({ stale }) => stale),
      [true],
    );
    fs.rmSync(folder.fsPath, { recursive: true });
    await until(uri, ({ error, loading }) => !loading && error?.code === 'missing-file');
    fs.renameSync(away, folder.fsPath);
    const { slice } = await until(
      uri,
      ({ model, error, loading }) =>
        !loading && error === null && (model?.layers.some(({ name }) => name === 'conv_1') ?? false),
    );
    assert.deepEqual(slice.marks, [{ address: 'conv_1', kind: 'output', stale: false }]);
  });
});
