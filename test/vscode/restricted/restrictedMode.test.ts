/** A folder that is not trusted, in the real editor: what still works, and that nothing of it is executed. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import * as vscode from 'vscode';
import { commands, settings, settingsSection } from '../../../src/host/contributions';
import { copyFixture, goldenDigit, inWorkspace, openModel, sample, until } from '../modelEditor';
import { canDrive, ui } from '../ui';

const execute = async (command: string, args: object): Promise<unknown> =>
  vscode.commands.executeCommand(command, args);

/** What the folder's own code would leave behind. */
const marksOfCode = (): string[] =>
  ['module-was-loaded', 'native-was-loaded'].filter((name) => fs.existsSync(inWorkspace(name).fsPath));

describe('Restricted Mode', () => {
  it('is on, with a folder whose settings name code', () => {
    assert.equal(vscode.workspace.isTrusted, false);
    assert.ok(fs.existsSync(inWorkspace('hostile.cjs').fsPath));
    assert.match(fs.readFileSync(inWorkspace('.vscode', 'settings.json').fsPath, 'utf8'), /hostile\.cjs/);
  });

  it('opens a model, runs it, cuts it, proves the cut and saves it', async () => {
    const uri = sample();
    const { error, model } = await openModel(uri);
    assert.equal(error, null);
    assert.ok(model?.problems.every(({ code }) => code !== 'custom-layers'));
    await execute(commands.chooseInput, { uri, file: goldenDigit() });
    await execute(commands.run, { uri });
    const { run } = await until(uri, (state) => state.run.state === 'done' && state.run.outputs.length > 0);
    assert.equal(run.outputs[0]?.top[0]?.index, 3);
    await execute(commands.sliceToLayer, { uri, addresses: ['pool_1'] });
    await execute(commands.verifySlice, { uri });
    const { slice } = await until(uri, (state) => state.slice.verification.state === 'done');
    assert.ok(slice.verification.state === 'done' && slice.verification.result.passed);
    const target = inWorkspace('restricted-slice');
    await execute(commands.saveSlice, { uri, target });
    assert.ok(fs.existsSync(vscode.Uri.joinPath(target, 'model.json').fsPath));
    assert.deepEqual(marksOfCode(), []);
  });

  it('shows a model with a class of its own, and says why no module is loaded', async () => {
    const folder = copyFixture('tutorial-custom-layer', 'stranger');
    const uri = vscode.Uri.joinPath(folder, 'tfjs-keras3-h5', 'model.json');
    const config = vscode.workspace.getConfiguration(settingsSection, uri);
    // a user's own setting is no workspace's, and waits for trust all the same
    await config.update(settings.customLayers, [inWorkspace('hostile.cjs').fsPath], vscode.ConfigurationTarget.Global);
    try {
      const { model, error } = await openModel(uri);
      assert.equal(error, null);
      const said = model?.problems.map(({ message }) => message).join('\n') ?? '';
      assert.match(said, /not loaded as long as this workspace is not trusted/);
      await assert.rejects(() => execute(commands.run, { uri }), /cannot be run/);
      assert.deepEqual(marksOfCode(), []);
    } finally {
      await config.update(settings.customLayers, undefined, vscode.ConfigurationTarget.Global);
    }
  });

  it('loads the modules when the folder is trusted, and not before', async function () {
    if (!canDrive) this.skip();
    const uri = sample();
    await openModel(uri);
    assert.deepEqual(marksOfCode(), []);
    const reread = until(uri, ({ loading }) => loading);
    await vscode.commands.executeCommand('workbench.trust.manage');
    await ui(async ({ page }) => {
      await page
        .locator('.workspace-trust-editor')
        .getByRole('button', { name: /^Trust$/ })
        .click();
    });
    await reread;
    await until(uri, ({ loading }) => !loading);
    assert.equal(vscode.workspace.isTrusted, true);
    assert.ok(marksOfCode().includes('module-was-loaded'));
  });
});
