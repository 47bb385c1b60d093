/** The way from a middle cut to a model of its own, as a user goes it: once with the mouse, once with nothing but keys. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import * as vscode from 'vscode';
import type { ViewerState } from '../../src/protocol/viewer';
import { answerFileDialog, chooseFormat } from './fileDialog';
import { copyFixture, golden, inWorkspace, openModel, startAfresh, until } from './modelEditor';
import { canDrive, ui } from './ui';

// residual: stem → bn1 → relu1 → conv1 → bn2 → add1, and stem → add1
const names = ['relu1', 'stem', 'conv1', 'bn2', 'add1'];

const marks = ({ slice }: ViewerState): string[] => slice.marks.map(({ kind, address }) => `${kind} ${address}`);

describe('a cut in the middle of a model', () => {
  let residual: vscode.Uri;
  before(function () {
    if (!canDrive) this.skip();
  });
  beforeEach(async () => {
    residual = vscode.Uri.joinPath(copyFixture('residual-block/tfjs-keras2-h5', 'residual'), 'model.json');
    await startAfresh(residual);
  });
  afterEach(async () => {
    await vscode.commands.executeCommand('notifications.clearAll');
    await vscode.commands.executeCommand('notifications.hideList');
    await startAfresh(residual);
  });

  /** What was saved, opened beside: a model whose rows are those of the cut, with the weights of the cut. */
  async function reopened(target: vscode.Uri): Promise<void> {
    const uri = vscode.Uri.joinPath(target, 'model.json');
    const { model, error } = await until(uri, (state) => state.model !== null || state.error !== null);
    assert.equal(error, null);
    assert.deepEqual(
      model?.layers.filter((row) => row.class !== 'InputLayer').map((row) => row.name),
      names.slice(2),
    );
    assert.deepEqual(
      model?.inputs.map(({ shape }) => shape),
      [
        [null, 12, 12, 6],
        [null, 12, 12, 6],
      ],
    );
    assert.deepEqual(
      model?.outputs.map(({ address, shape }) => [address, shape]),
      [['add1', [null, 12, 12, 6]]],
    );
    const params = golden('residual-block')
      .layers.filter(({ address }) => names.slice(2).includes(address))
      .map((layer) => layer.params);
    assert.equal(
      model?.totals.params,
      params.reduce((sum, count) => sum + count, 0),
    );
    await ui(async ({ webview }, rows) => {
      for (const name of rows) await webview().locator(`.tree-row .name:text-is("${name}")`).waitFor();
    }, names.slice(2));
    // not the other one: what can be taken back is kept as long as its editor is open
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  }

  it('by mouse: marked, closed by its button, proven by itself, saved, opened as a model, taken back', async () => {
    const target = inWorkspace('by-mouse');
    fs.rmSync(target.fsPath, { recursive: true, force: true });
    await openModel(residual);
    await ui(async ({ webview }) => {
      const row = (name: string) =>
        webview().locator('.tree-row', { has: webview().locator(`.name:text-is("${name}")`) });
      await row('add1').locator('.mark-cell').click();
      await row('conv1').locator('.start-cell').click();
    });
    const open = await until(residual, ({ slice }) => slice.plan?.boundary.closed === false);
    assert.deepEqual(marks(open), ['output add1', 'start conv1']);
    assert.deepEqual(open.slice.plan?.boundary.missing, [
      { address: 'stem', shape: [null, 12, 12, 6], neededBy: ['add1'] },
    ]);
    assert.equal(open.slice.verification.state, 'none');
    await ui(async ({ webview }) => {
      const bar = webview().locator('.slice-bar');
      await bar.getByText('stem', { exact: true }).first().waitFor();
      await bar
        .getByRole('button', { name: /^add .*as input/i })
        .first()
        .click();
      await webview().locator('.verdict.passed').waitFor();
    });
    const { slice } = await until(residual, ({ slice: { verification } }) => verification.state === 'done');
    assert.deepEqual(slice.plan?.cut, { outputs: ['add1'], inputs: ['relu1', 'stem'] });
    assert.ok(slice.verification.state === 'done');
    const { result, stale } = slice.verification;
    assert.deepEqual(
      [result.outputs, result.passed, stale],
      [[{ address: 'add1', maxAbsDiff: 0, equal: true }], true, false],
    );
    assert.equal(result.wholeFromParts?.maxAbsDiff, 0);

    await ui(async ({ webview }) => {
      await webview().locator('.slice-bar').getByRole('button', { name: 'Save…' }).click();
    });
    await chooseFormat();
    assert.match(await answerFileDialog('for the sub-model', target.path), /\/residual\/residual-add1$/);
    await ui(async ({ page }) => {
      // under tests VS Code shows no message by itself
      await page.locator('#status\\.notifications', { has: page.locator('.codicon-bell-dot') }).click();
      await page.mouse.move(0, 0); // its hover would lie over the message
      const saved = page.locator('.notifications-center .monaco-list-row', { hasText: 'Saved' });
      await saved.getByRole('button', { name: 'Open', exact: true }).click();
    });
    await reopened(target);

    await openModel(residual);
    for (const left of [['output add1', 'start conv1'], ['output add1'], []]) {
      await ui(async ({ webview }) =>
        webview()
          .locator('.slice-bar')
          .getByRole('button', { name: /^undo mark/i })
          .click(),
      );
      const back = await until(residual, ({ slice: { marks: standing } }) => standing.length < left.length + 1);
      assert.deepEqual(marks(back), left);
    }
  });

  it('by keyboard alone: the same, with no pointer ever', async () => {
    const target = inWorkspace('by-keys');
    fs.rmSync(target.fsPath, { recursive: true, force: true });
    await openModel(residual);
    await ui(async ({ page, webview }) => {
      const { keyboard } = page;
      const goTo = async (name: string) => {
        await keyboard.press('Control+f');
        await webview().locator('.search input:focus').waitFor();
        await keyboard.insertText(name);
        await webview().locator('.tree-row.hit').first().waitFor();
        await keyboard.press('Enter');
        await webview().locator(`.tree-row.active .name:text-is("${name}")`).waitFor();
        await keyboard.press('ArrowDown');
        await webview().locator('[role=treegrid]:focus').waitFor();
      };
      await webview().locator('.tree-row').first().waitFor();
      await goTo('add1');
      await keyboard.press('Space');
      await goTo('conv1');
      await keyboard.press('Shift+Space');
      const add = webview()
        .locator('.slice-bar')
        .getByRole('button', { name: /^add .*as input/i })
        .first();
      await add.waitFor();
      // from the tree on, Tab by Tab
      for (let presses = 0; presses < 60; presses++) {
        await keyboard.press('Tab');
        if (await add.evaluate((button) => button.matches(':focus, :focus-within'))) break;
      }
      await keyboard.press('Enter');
      await webview().locator('.verdict.passed').waitFor();
    });
    const { slice } = await until(residual, ({ slice: { verification } }) => verification.state === 'done');
    assert.deepEqual(slice.plan?.cut, { outputs: ['add1'], inputs: ['relu1', 'stem'] });

    await ui(async ({ page, webview }) => {
      await webview().locator('.slice-bar').waitFor();
      await page.keyboard.press('Control+s');
    });
    await chooseFormat();
    await answerFileDialog('for the sub-model', target.path);
    await ui(async ({ page }) => {
      const { keyboard } = page;
      // under tests VS Code shows no message by itself
      await page.locator('#status\\.notifications .codicon-bell-dot').waitFor();
      await keyboard.press('F1');
      await page.locator('.quick-input-widget input[type="text"]').waitFor();
      await keyboard.insertText('Notifications: Show Notifications');
      await page.locator('.quick-input-list .monaco-list-row', { hasText: 'Show Notifications' }).first().waitFor();
      await keyboard.press('Enter');
      await page.locator('.notifications-center .monaco-list-row.focused', { hasText: 'Saved' }).waitFor();
      const button = page.locator('.notifications-center').getByRole('button', { name: 'Open', exact: true });
      for (let presses = 0; presses < 20; presses++) {
        await keyboard.press('Tab');
        if (await button.evaluate((element) => element.matches(':focus'))) break;
      }
      await keyboard.press('Enter');
    });
    await reopened(target);

    await openModel(residual);
    for (const left of [['output add1', 'start conv1'], ['output add1'], []]) {
      await ui(async ({ page, webview }) => {
        await webview().locator('.tree-row').first().waitFor();
        await page.keyboard.press('Control+f');
        await webview().locator('.search input:focus').waitFor();
        await page.keyboard.press('ArrowDown');
        await webview().locator('[role=treegrid]:focus').waitFor();
        await page.keyboard.press('Control+z');
      });
      const back = await until(residual, ({ slice: { marks: standing } }) => standing.length < left.length + 1);
      assert.deepEqual(marks(back), left);
    }
  });
});
