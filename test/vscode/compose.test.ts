/** A model as a layer of a new one: by arguments, and by answering the questions as a user does. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { commands, viewTypes, type ComposeArgs } from '../../src/host/contributions';
import type { ComposeResult } from '../../src/host/commands/composeCommand';
import { answerFileDialog } from './fileDialog';
import { goldenDigit, inWorkspace, openModel, sample, startAfresh } from './modelEditor';
import { readNpz } from './numpyFiles';
import { predictPlain } from './plainTfjs';
import { canDrive, ui } from './ui';

const compose = (args: ComposeArgs): Thenable<ComposeResult | undefined> =>
  vscode.commands.executeCommand<ComposeResult | undefined>(commands.compose, { uri: sample(), ...args });

function freshFolder(name: string): vscode.Uri {
  const folder = inWorkspace(name);
  fs.rmSync(folder.fsPath, { recursive: true, force: true });
  return folder;
}

const openModels = (): string[] =>
  vscode.window.tabGroups.all
    .flatMap(({ tabs }) => tabs)
    .flatMap(({ input }) =>
      input instanceof vscode.TabInputCustom && input.viewType === viewTypes.json ? [input.uri.fsPath] : [],
    );

describe('composing', () => {
  beforeEach(() => startAfresh(sample()));
  afterEach(async () => {
    await vscode.commands.executeCommand('workbench.action.closeQuickOpen');
    await vscode.commands.executeCommand('notifications.clearAll');
  });

  it('by arguments asks nothing; the saved model loads and computes in plain TensorFlow.js', async () => {
    const target = freshFolder('composed');
    const head: ComposeArgs['head'] = {
      pooling: 'avg',
      layers: [{ kind: 'dense', units: 3, activation: 'softmax' }],
    };
    const result = await compose({ target, addresses: ['pool_1'], frozen: true, head });
    assert.ok(result?.written && result.proof);
    assert.equal(result.proof.passed, true);
    assert.deepEqual(
      result.plan.layers.map(({ name }) => name),
      ['input_layer', 'digits_cnn', 'head_pool', 'head_dense'],
    );
    assert.equal(result.plan.params.trainable, 32 * 3 + 3);
    await vscode.commands.executeCommand(commands.chooseInput, { uri: sample(), file: goldenDigit() });
    const archive = inWorkspace('for-composed.npz').fsPath;
    await vscode.commands.executeCommand(commands.exportActivations, {
      uri: sample(),
      target: archive,
      overwrite: true,
    });
    const input = readNpz(archive).get('input_layer');
    assert.ok(input);
    const [output] = predictPlain(path.join(target.fsPath, 'model.json'), input);
    assert.deepEqual(output?.shape, [1, 3]);
    const sum = Array.from(output.values).reduce((total, value) => total + value, 0);
    assert.ok(Math.abs(sum - 1) < 1e-5, String(sum));
    await assert.rejects(Promise.resolve(compose({ target, overwrite: false })), /exists/);
  });

  it('says what does not fit, and with adapters makes it fit', async () => {
    const inputShape = [64, 64, 3];
    await assert.rejects(
      Promise.resolve(compose({ planOnly: true, inputShape, adapt: false })),
      /64,64,3.*28,28,1.*resize to 28 × 28/,
    );
    const plan = (await compose({ planOnly: true, inputShape }))?.plan;
    assert.deepEqual(plan?.inputs[0]?.shape, [null, 64, 64, 3]);
    assert.equal(
      plan?.findings.every(({ adapted }) => adapted),
      true,
    );
  });

  it('step by step, with a way back; the saved model opens', async function () {
    if (!canDrive) this.skip();
    const press = (...keys: string[]): Promise<void> =>
      ui(async ({ page }, pressed) => {
        for (const key of pressed) {
          if (/^(Arrow|Enter|Escape)/.test(key)) await page.keyboard.press(key);
          else await page.keyboard.type(key);
        }
      }, keys);
    /** Waits for the question; returns the title with its step. */
    const asked = (question: RegExp): Promise<string> =>
      ui(async ({ page }, pattern) => {
        const widget = page.locator('.quick-input-widget');
        const wanted = new RegExp(pattern);
        for (;;) {
          const placeholder = (await widget.locator('input[type="text"]').getAttribute('placeholder')) ?? '';
          const message = (await widget.locator('.quick-input-message').textContent()) ?? '';
          if (wanted.test(`${placeholder} ${message}`)) break;
          await page.waitForTimeout(50);
        }
        return (await widget.locator('.quick-input-title').textContent()) ?? '';
      }, question.source);
    const back = (): Promise<void> =>
      ui(({ page }) => page.locator('.quick-input-titlebar [aria-label^="Back"]').click());

    await openModel(sample());
    const target = freshFolder('composed-by-hand');
    const given = compose({});
    assert.match(await asked(/joined to another model/), /digits_cnn.*\(1\/6\)/);
    await press('Enter');
    await asked(/Size of the new input/);
    await press('40, 40', 'Enter');
    await asked(/Three whole numbers/);
    await press(', 3', 'Enter');
    assert.match(await asked(/pixels from 0 to 255/i), /\(3\/6\)/);
    await back();
    await asked(/Size of the new input/);
    await press('Enter');
    await asked(/pixels from 0 to 255/i);
    await press('ArrowDown', 'Enter');
    await asked(/Dense layers behind it/);
    await press('16:relu, 3:softmax', 'Enter');
    await asked(/Dropout/);
    await press('0.2', 'Enter');
    await asked(/Does training change/);
    await press('Enter');
    assert.match(await asked(/training changes/), /\(7\/7\)|\(8\/8\)/);
    await press('ArrowDown', 'Enter');
    await ui(({ page }) =>
      page.locator('.quick-input-widget .label-description', { hasText: 'no difference' }).waitFor(),
    );
    await press('Enter');
    await answerFileDialog('for the new model', target.path);
    const result = await given;
    assert.equal(result?.proof?.passed, true);
    assert.deepEqual(result.plan.inputs[0]?.shape, [null, 40, 40, 3]);
    assert.deepEqual(
      result.plan.layers.filter(({ role }) => role === 'head').map(({ className }) => className),
      ['Dense', 'Dropout', 'Dense'],
    );
    assert.ok(openModels().includes(path.join(target.fsPath, 'model.json')));
  });
});
