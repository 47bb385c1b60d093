/** What commands ask when they are not told: the real dialogs of the workbench, answered as a user answers them. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import * as vscode from 'vscode';
import { commands } from '../../src/host/contributions';
import { answerFileDialog, chooseFormat } from './fileDialog';
import { copyFixture, inWorkspace, openModel, sample, startAfresh, until } from './modelEditor';
import { canDrive, ui } from './ui';

interface Written {
  files: string[];
}

function freshFolder(name: string): vscode.Uri {
  const folder = inWorkspace(name);
  fs.rmSync(folder.fsPath, { recursive: true, force: true });
  return folder;
}

const saving = 'for the sub-model';
const splitting = 'Folder in which';

/** VS Code shows no modal dialogs in tests: this answers instead, and says what was asked. */
async function answering<Result>(
  button: string | undefined,
  work: () => Thenable<Result>,
): Promise<{ asked: string[]; result: Result }> {
  const asked: string[] = [];
  const shown = vscode.window.showWarningMessage;
  Object.defineProperty(vscode.window, 'showWarningMessage', {
    configurable: true,
    value: (text: string, options: vscode.MessageOptions, ...buttons: string[]) => {
      asked.push(`${text} ${options.modal === true ? 'modal ' : ''}[${buttons.join('|')}]`);
      return Promise.resolve(button);
    },
  });
  try {
    return { result: await work(), asked };
  } finally {
    Object.defineProperty(vscode.window, 'showWarningMessage', { configurable: true, value: shown });
  }
}

describe('dialogs', () => {
  before(function () {
    if (!canDrive) this.skip();
  });
  beforeEach(() => startAfresh(sample()));
  afterEach(async () => {
    await vscode.commands.executeCommand('notifications.clearAll');
    await vscode.commands.executeCommand('notifications.hideList');
  });

  const save = (address: string): Thenable<Written | undefined> =>
    vscode.commands.executeCommand<Written | undefined>(commands.saveSlice, { uri: sample(), addresses: [address] });

  it('saving proposes a folder beside the model, named after it and the output; Escape saves nothing', async () => {
    await openModel(sample());
    const given = save('pool_2');
    await chooseFormat();
    assert.match(await answerFileDialog(saving, null), /\/digits-cnn\/digits_cnn-pool_2$/);
    assert.equal(await given, undefined);
    assert.equal(fs.existsSync(inWorkspace('digits-cnn', 'digits_cnn-pool_2').fsPath), false);
  });

  it('a model that is there is replaced only when the dialog asked', async () => {
    const target = freshFolder('asked');
    const model = vscode.Uri.joinPath(target, 'model.json');
    await openModel(sample());
    const first = save('conv_1');
    await chooseFormat();
    await answerFileDialog(saving, target.path);
    assert.deepEqual((await first)?.files, ['model.json', 'group1-shard1of1.bin']);
    const before = fs.readFileSync(model.fsPath);

    const declined = save('conv_2');
    await chooseFormat();
    await answerFileDialog(saving, model.path, false);
    assert.equal(await declined, undefined);
    assert.ok(before.equals(fs.readFileSync(model.fsPath)));
    const replaced = save('conv_2');
    await chooseFormat();
    await answerFileDialog(saving, model.path, true);
    assert.ok(await replaced);
    assert.ok(!before.equals(fs.readFileSync(model.fsPath)));
  });

  it('a split through a shortcut asks where else, or whether more is handed over; then for one folder', async () => {
    const uri = vscode.Uri.joinPath(copyFixture('residual-block/tfjs-keras2-h5', 'residual-asked'), 'model.json');
    await openModel(uri);
    const target = freshFolder('asked-split');
    fs.mkdirSync(target.fsPath);
    await ui(async ({ page, webview }) => {
      await webview().locator('.tree-row .name:text-is("conv1")').click({ button: 'right' });
      const entry = page.locator('.monaco-menu').getByText('Split Here…', { exact: true });
      await entry.waitFor();
      await page.waitForTimeout(200); // a menu ignores the mouse for its first 100 ms
      await entry.click();
      const list = page.locator('.quick-input-list');
      await list.getByText('Hand over stem too').waitFor();
      await list.getByText('Split after add1 instead').click();
    });
    await answerFileDialog(splitting, target.path);
    await ui(async ({ page }) => {
      // under tests VS Code shows no message by itself
      await page.locator('#status\\.notifications', { has: page.locator('.codicon-bell-dot') }).click();
      await page.mouse.move(0, 0); // its hover would lie over the message
      const saved = page.locator('.notifications-center .monaco-list-row', { hasText: 'Saved both parts' });
      await saved.getByRole('button', { name: 'Open Second Part' }).click();
    });
    const second = vscode.Uri.joinPath(target, 'suffix', 'model.json');
    const { model } = await until(second, (state) => state.model !== null);
    assert.deepEqual(
      model?.layers.filter(({ class: name }) => name !== 'InputLayer').map(({ name }) => name),
      ['pad', 'conv2', 'projection', 'add2', 'pool', 'head'],
    );
    assert.deepEqual(fs.readdirSync(target.fsPath).sort(), ['prefix', 'suffix']);

    const split = (at: string): Thenable<unknown> =>
      vscode.commands.executeCommand(commands.splitAtLayer, { uri, addresses: [at] });
    const before = fs.readFileSync(second.fsPath);
    const declined = await answering(undefined, async () => {
      const result = split('pool');
      await answerFileDialog(splitting, target.path);
      return await result;
    });
    assert.deepEqual(declined, {
      asked: ['asked-split exists already. Replace it? modal [Replace]'],
      result: undefined,
    });
    assert.ok(before.equals(fs.readFileSync(second.fsPath)));
    const replaced = await answering('Replace', async () => {
      const result = split('pool');
      await answerFileDialog(splitting, target.path);
      return await result;
    });
    assert.ok(replaced.result);
    assert.ok(!before.equals(fs.readFileSync(second.fsPath)));
    await startAfresh(uri, second);
  });
});
