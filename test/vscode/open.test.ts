import assert from 'node:assert/strict';
import fs from 'node:fs';
import * as vscode from 'vscode';
import { commands, viewTypes } from '../../src/host/contributions';
import { activate, copyFixture, golden, inWorkspace, openModel, sample, startAfresh, until } from './modelEditor';
import { canDrive, ui } from './ui';

/** The rows on screen: name, class, shape, parameters. */
const rowsOnScreen = (): Promise<string[][]> =>
  ui(async ({ webview }) => {
    await webview().locator('.tree-row').first().waitFor();
    return webview()
      .locator('.tree-row')
      .evaluateAll((rows) =>
        rows.map((row) =>
          ['.name', '.class-cell', '.shape-cell', '.params-cell'].map(
            (cell) => row.querySelector(cell)?.textContent?.trim() ?? '',
          ),
        ),
      );
  });

describe('opening a model', () => {
  beforeEach(() => startAfresh(sample()));

  it('by a right-click in the explorer: the tree has the rows of Keras', async function () {
    if (!canDrive) this.skip();
    await vscode.commands.executeCommand('workbench.view.explorer');
    await vscode.commands.executeCommand('revealInExplorer', sample());
    await ui(async ({ page }) => {
      const row = page.locator('.explorer-folders-view .monaco-list-row.selected', { hasText: 'model.json' });
      const entry = page.locator('.monaco-menu').getByText('Open in Model Slicer', { exact: true });
      for (let attempt = 0; ; attempt++) {
        await row.click({ button: 'right' });
        try {
          await entry.waitFor({ timeout: 1000 });
          // a menu ignores the mouse for its first 100 ms
          await page.waitForTimeout(200);
          await entry.click();
          await entry.waitFor({ state: 'hidden', timeout: 2000 });
          return;
        } catch (error) {
          await page.keyboard.press('Escape');
          if (attempt > 9) throw error;
        }
      }
    });
    await until(sample(), ({ model }) => model !== null);
    const { layers, totals } = golden('digits-cnn');
    const expected = layers.map(({ address, class: className, calls, params }) => [
      address,
      className,
      `(${(calls[0]?.outputShapes[0] ?? []).map((size) => size ?? '·').join(',')})`,
      params.toLocaleString('en-US'),
    ]);
    const rows = await rowsOnScreen();
    assert.deepEqual(
      rows.map((row) => row.map((cell) => cell.replaceAll(/\s/g, ''))),
      expected,
    );
    assert.equal((await until(sample(), () => true)).model?.totals.params, totals.params);
    assert.ok(vscode.window.tabGroups.activeTabGroup.activeTab?.input instanceof vscode.TabInputCustom);
  });

  it('from the palette, and back to text', async function () {
    if (!canDrive) this.skip();
    await openModel(sample());
    await vscode.commands.executeCommand('workbench.action.showCommands');
    const titles = await ui(async ({ page }) => {
      const input = page.locator('.quick-input-widget input[type="text"]');
      await input.fill('>Model Slicer: ');
      await page.locator('.quick-input-list .monaco-list-row', { hasText: 'Run Model' }).first().waitFor();
      await input.fill('>Model Slicer: Open as Text');
      await page.locator('.quick-input-list .monaco-list-row', { hasText: 'Open as Text' }).first().waitFor();
      const found = await page.locator('.quick-input-list .monaco-list-row').allInnerTexts();
      await page.keyboard.press('Enter');
      return found;
    });
    assert.ok(titles.some((title) => title.includes('Open as Text')));
    await waitForTab((tab) => tab.input instanceof vscode.TabInputText && tab.input.uri.path === sample().path);
  });

  it('a folder by the command, the model in it', async () => {
    await vscode.commands.executeCommand(commands.open, inWorkspace('digits-cnn'));
    await until(sample(), ({ model }) => model?.name === 'digits_cnn');
  });

  it('a folder without a model is said to be one', async () => {
    await assert.rejects(
      async () => vscode.commands.executeCommand(commands.open, inWorkspace('digits-cnn', 'samples')),
      /holds no model/,
    );
  });

  it('the sample, copied to where one may save, with a picture as its input', async () => {
    await vscode.commands.executeCommand(commands.openSample);
    const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
    assert.ok(input instanceof vscode.TabInputCustom && input.viewType === viewTypes.json);
    assert.ok(input.uri.path.includes('/globalStorage/'), input.uri.path);
    const state = await until(input.uri, ({ input: { resolved } }) => resolved?.[0]?.picture !== undefined);
    assert.equal(state.input.resolved?.[0]?.label, 'digit-7-10.png');
  });

  it('nested models: rows in place, collapsed and expanded by keyboard', async function () {
    if (!canDrive) this.skip();
    const folder = copyFixture('nested-functional/tfjs-keras3', 'nested');
    await openModel(vscode.Uri.joinPath(folder, 'model.json'));
    const all =
      (await until(vscode.Uri.joinPath(folder, 'model.json'), ({ model }) => model !== null)).model?.layers ?? [];
    const parent = all.find(({ depth, address }) => depth === 0 && all.some((row) => row.parent === address));
    assert.ok(parent);
    const before = (await rowsOnScreen()).length;
    await ui(async ({ webview, page }, name) => {
      await webview()
        .locator('.tree-row', { has: webview().locator(`.name:text-is("${name}")`) })
        .first()
        .click();
      await page.keyboard.press('ArrowLeft');
    }, parent.name);
    const collapsed = (await rowsOnScreen()).length;
    await ui(async ({ page }) => page.keyboard.press('ArrowRight'));
    assert.notEqual(collapsed, before);
    assert.equal((await rowsOnScreen()).length > collapsed || before > collapsed, true);
    await startAfresh();
  });

  it('two editors of one model are one document', async function () {
    if (!canDrive) this.skip();
    await openModel(sample());
    await openModel(sample(), vscode.ViewColumn.Two);
    await vscode.commands.executeCommand(commands.markOutput, { uri: sample(), addresses: ['conv_2'] });
    const marked = await ui(async ({ webview }) => {
      for (const nth of [0, 1]) await webview(nth).locator('.tree-row.marked .name:text-is("conv_2")').waitFor();
      return [
        await webview(0).locator('.tree-row.marked').count(),
        await webview(1).locator('.tree-row.marked').count(),
      ];
    });
    assert.deepEqual(marked, [1, 1]);
  });

  it('closing the last editor ends the document', async () => {
    await openModel(sample());
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    const api = await activate();
    assert.equal(api.stateOf(sample()), null);
  });

  it('comes back whole after its tab was hidden', async function () {
    if (!canDrive) this.skip();
    await openModel(sample());
    await vscode.commands.executeCommand(commands.markOutput, { uri: sample(), addresses: ['pool_2'] });
    await vscode.window.showTextDocument(
      await vscode.workspace.openTextDocument({ content: 'text' }),
      vscode.ViewColumn.One,
    );
    await openModel(sample());
    await ui(async ({ webview }) => webview().locator('.tree-row.marked .name:text-is("pool_2")').waitFor());
  });

  it('a file of another scheme is read by VS Code, never by its path', async () => {
    const scheme = 'slicer-test';
    const files = new Map(
      ['model.json', 'group1-shard1of1.bin'].map((name) => [
        `/elsewhere/${name}`,
        fs.readFileSync(inWorkspace('digits-cnn', name).fsPath),
      ]),
    );
    const none = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
    const refuse = (): never => {
      throw vscode.FileSystemError.NoPermissions();
    };
    const file = (uri: vscode.Uri): Buffer => {
      const found = files.get(uri.path);
      if (!found) throw vscode.FileSystemError.FileNotFound(uri);
      return found;
    };
    const registration = vscode.workspace.registerFileSystemProvider(
      scheme,
      {
        onDidChangeFile: none.event,
        watch: () => new vscode.Disposable(() => undefined),
        stat: (uri) => ({ type: vscode.FileType.File, ctime: 0, mtime: 0, size: file(uri).length }),
        readDirectory: () => [],
        readFile: (uri) => new Uint8Array(file(uri)),
        createDirectory: refuse,
        writeFile: refuse,
        delete: refuse,
        rename: refuse,
      },
      { isReadonly: true },
    );
    try {
      const uri = vscode.Uri.from({ scheme, path: '/elsewhere/model.json' });
      const state = await openModel(uri);
      assert.equal(state.error, null);
      assert.equal(state.model?.totals.params, golden('digits-cnn').totals.params);
    } finally {
      await startAfresh();
      registration.dispose();
    }
  });
});

async function waitForTab(condition: (tab: vscode.Tab) => boolean): Promise<void> {
  const there = (): boolean => {
    const tab = vscode.window.tabGroups.activeTabGroup.activeTab;
    return tab !== undefined && condition(tab);
  };
  if (there()) return;
  await new Promise<void>((resolve) => {
    const listening = vscode.window.tabGroups.onDidChangeTabs(() => {
      if (!there()) return;
      listening.dispose();
      resolve();
    });
  });
}
