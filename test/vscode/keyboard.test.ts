import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { commands } from '../../src/host/contributions';
import { openModel, sample, startAfresh, until } from './modelEditor';
import { canDrive, ui } from './ui';

describe('keys and menus of the editor', () => {
  before(function () {
    if (!canDrive) this.skip();
  });
  beforeEach(() => startAfresh(sample()));

  it('the menu of a row acts on that row', async () => {
    await openModel(sample());
    await ui(async ({ page, webview }) => {
      await webview().locator('.tree-row .name:text-is("pool_1")').click({ button: 'right' });
      const entry = page.locator('.monaco-menu').getByText('Slice up to This Layer', { exact: true });
      await entry.waitFor();
      await page.waitForTimeout(200); // a menu ignores the mouse for its first 100 ms
      await entry.click();
      await webview().locator('.tree-row.marked .name:text-is("pool_1")').waitFor();
    });
    const { slice } = await until(sample(), ({ slice: { plan } }) => plan !== null);
    assert.deepEqual(
      slice.plan?.outputs.map(({ address }) => address),
      ['pool_1'],
    );
  });

  it('a command without arguments acts on the rows that are selected in the active editor', async () => {
    await openModel(sample());
    await ui(async ({ webview }) => {
      await webview().locator('.tree-row .name:text-is("conv_1")').click();
      await webview()
        .locator('.tree-row .name:text-is("flatten")')
        .click({ modifiers: ['Control'] });
      await webview().locator('.tree-row.selected').nth(1).waitFor();
    });
    await vscode.commands.executeCommand(commands.markOutput);
    const { slice } = await until(sample(), () => true);
    assert.deepEqual(slice.marks.map(({ address }) => address).sort(), ['conv_1', 'flatten']);
    await vscode.commands.executeCommand(commands.copyAddress);
    assert.equal(await vscode.env.clipboard.readText(), 'conv_1\nflatten');
  });

  it('Ctrl+Enter runs the model', async () => {
    await openModel(sample());
    await ui(async ({ page, webview }) => {
      await webview().locator('.tree-row .name:text-is("conv_1")').click();
      await page.keyboard.press('Control+Enter');
    });
    await until(sample(), ({ run }) => run.state === 'done');
  });

  it('a layer is shown also when its editor lay behind another', async () => {
    await openModel(sample());
    await vscode.window.showTextDocument(
      await vscode.workspace.openTextDocument({ content: 'in front' }),
      vscode.ViewColumn.One,
    );
    await vscode.commands.executeCommand(commands.previewLayer, { uri: sample(), addresses: ['flatten'] });
    await ui(async ({ webview }) => webview().locator('.tree-row.selected .name:text-is("flatten")').waitFor());
    await vscode.commands.executeCommand(commands.focusSearch);
    await ui(async ({ webview }) => webview().locator('.search input:focus, .search :focus').first().waitFor());
  });
});
