/** Choosing a recipe and where its code goes, as a user does it: the list with its preview, by keyboard. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import * as vscode from 'vscode';
import { commands } from '../../src/host/contributions';
import { copyFixture, goldenDigit, inWorkspace, openModel, sample, startAfresh } from './modelEditor';
import { canDrive, ui } from './ui';

const PREVIEW = 'model-slicer-code';

/** A file with the cursor at `// here` or `# here`, beside the model. */
async function openProgram(name: string, text: string): Promise<vscode.TextEditor> {
  const uri = inWorkspace(name);
  fs.rmSync(uri.fsPath, { force: true });
  fs.writeFileSync(uri.fsPath, text);
  const document = await vscode.workspace.openTextDocument(uri);
  const editor = await vscode.window.showTextDocument(document, vscode.ViewColumn.Two);
  const end = document.positionAt(text.indexOf(' here') + ' here'.length);
  editor.selection = new vscode.Selection(end, end);
  return editor;
}

const previewTabs = (): vscode.Tab[] =>
  vscode.window.tabGroups.all
    .flatMap(({ tabs }) => tabs)
    .filter(({ input }) => input instanceof vscode.TabInputText && input.uri.scheme === PREVIEW);

/** Waits until the preview shows it; returns the whole of it. */
async function previewed(pattern: RegExp): Promise<string> {
  for (;;) {
    const shown = vscode.window.visibleTextEditors.find(({ document }) => document.uri.scheme === PREVIEW);
    if (shown && pattern.test(shown.document.getText())) return shown.document.getText();
    await new Promise<void>((resolve) => {
      const listening = [
        vscode.workspace.onDidChangeTextDocument(() => done()),
        vscode.window.onDidChangeVisibleTextEditors(() => done()),
        vscode.workspace.onDidOpenTextDocument(() => done()),
      ];
      const done = (): void => {
        listening.forEach((one) => one.dispose());
        resolve();
      };
    });
  }
}

const press = (...keys: string[]): Promise<void> =>
  ui(async ({ page }, pressed) => {
    await page.locator('.quick-input-widget input').first().waitFor();
    for (const key of pressed) {
      if (key.length > 1 && !/^(Arrow|Enter|Escape|Tab|Space)/.test(key)) await page.keyboard.type(key);
      else await page.keyboard.press(key);
    }
  }, keys);

/** The row of the list that is active, and the title above. */
const pickShown = (): Promise<{ title: string; active: string; rows: string[] }> =>
  ui(async ({ page }) => {
    const widget = page.locator('.quick-input-widget');
    await widget.locator('.monaco-list-row.focused').waitFor();
    return {
      title: (await widget.locator('.quick-input-title').textContent()) ?? '',
      active: (await widget.locator('.monaco-list-row.focused .label-name').first().textContent()) ?? '',
      rows: await widget.locator('.monaco-list-row .label-name').allTextContents(),
    };
  });

const titleButton = (label: RegExp): Promise<void> =>
  ui(async ({ page }, pattern) => {
    const button = page.locator('.quick-input-titlebar .action-label');
    const all = await button.all();
    for (const one of all) {
      const name = (await one.getAttribute('aria-label')) ?? '';
      if (new RegExp(pattern).test(name)) return one.click();
    }
    throw new Error(`no such button: ${pattern}`);
  }, label.source);

describe('code: choosing a recipe', () => {
  before(function () {
    if (!canDrive) this.skip();
  });
  beforeEach(() => startAfresh(sample()));
  afterEach(async () => {
    await vscode.commands.executeCommand('workbench.action.closeQuickOpen');
    await vscode.commands.executeCommand('notifications.clearAll');
    await vscode.commands.executeCommand('workbench.action.files.revert');
    await startAfresh(sample());
  });

  const choose = (args: object = {}): Thenable<string | undefined> =>
    vscode.commands.executeCommand<string | undefined>(commands.insertExtractionCode, {
      uri: sample(),
      addresses: ['conv_2'],
      ...args,
    });

  it('by keyboard, with the code of each beside the list, and remembers what was chosen', async () => {
    const before = "import * as tfjs from '@tensorflow/tfjs';\n\nexport const a = tfjs;\n// here\n";
    const editor = await openProgram('chosen.ts', before);
    await openModel(sample());
    const given = choose();
    const first = await previewed(/conv_2/);
    assert.match(first, /^import \* as tf from '@tensorflow\/tfjs';/);
    const { title, active, rows } = await pickShown();
    assert.match(title, /TypeScript \(tfjs\).*Line 4 of chosen\.ts/);
    assert.equal(active, 'Sub-model by layer names');
    assert.ok(rows.length > 5, rows.join());
    await press('ArrowDown');
    await previewed(/index/);
    assert.equal((await pickShown()).active, 'Sub-model by layer indices');
    await press('Enter');
    const code = await given;
    assert.ok(code);
    assert.deepEqual(previewTabs(), []);
    const text = editor.document.getText();
    assert.match(text, /\/\/ here\n\n[^]*tfjs\.loadLayersModel/);
    assert.equal(text.match(/@tensorflow/g)?.length, 1);
    await vscode.commands.executeCommand('undo');
    assert.equal(editor.document.getText(), before, 'one step of undo');
    await editor.document.save();

    const again = choose();
    await previewed(/index/);
    assert.equal((await pickShown()).active, 'Sub-model by layer indices');
    await press('Escape');
    assert.equal(await again, undefined);
    assert.deepEqual(previewTabs(), []);
    assert.equal(editor.document.getText(), before);
    assert.equal(await choose({ recipe: 'last', to: 'clipboard' }), await vscode.env.clipboard.readText());
    assert.match(await vscode.env.clipboard.readText(), /index/);
  });

  it('Python in a Python file, which is one that Python reads; the language can be changed', async () => {
    const before = '"""A program."""\nimport os\n\n\ndef main():\n\tprint(os.name)  # here\n';
    const editor = await openProgram('chosen.py', before);
    await openModel(sample());
    const given = choose();
    await previewed(/^import keras/m);
    assert.match((await pickShown()).title, /^Python · Line 6 of chosen\.py/);
    await titleButton(/TypeScript/);
    await previewed(/@tensorflow\/tfjs/);
    assert.match((await pickShown()).title, /^TypeScript \(tfjs\) · New document/);
    await titleButton(/tfjs-node/);
    await previewed(/@tensorflow\/tfjs-node'/);
    await titleButton(/Python/);
    await previewed(/^import keras/m);
    await press('Enter');
    await given;
    const text = editor.document.getText();
    assert.match(
      text,
      /^"""A program\."""\nimport os\n\nimport keras\n[^]*def main\(\):\n\tprint\(os\.name\) {2}# here\n\n\tdef load/,
    );
    execFileSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], { input: text });
    await vscode.commands.executeCommand('undo');
    assert.equal(editor.document.getText(), before, 'one step of undo');
    await editor.document.save();
  });

  it('what does not fit says why and cannot be chosen', async () => {
    await openModel(sample());
    const given = choose({ language: 'typescript' });
    await previewed(/conv_2/);
    await press('nested');
    await previewed(/Does not fit: /);
    await press('Enter', 'Escape');
    assert.equal(await given, undefined);
    const refused = async (): Promise<unknown> => choose({ recipe: 'nested', to: 'clipboard' });
    await assert.rejects(refused, /nested/);
    const unknown = async (): Promise<unknown> => choose({ language: 'cobol' });
    await assert.rejects(unknown, /typescript, python, not cobol/);
  });

  it('an open cut: every recipe says what it lacks, and nothing is put in', async () => {
    const before = 'export const a = 1; // here\n';
    const editor = await openProgram('open-cut.ts', before);
    const residual = vscode.Uri.joinPath(copyFixture('residual-block/tfjs-keras2-h5', 'residual'), 'model.json');
    await openModel(residual);
    await vscode.commands.executeCommand(commands.markOutput, { uri: residual, addresses: ['add1'] });
    await vscode.commands.executeCommand(commands.markInput, { uri: residual, addresses: ['conv1'] });
    const given = vscode.commands.executeCommand(commands.insertExtractionCode, { uri: residual });
    await previewed(/Does not fit: the cut is not closed: it lacks stem/);
    const details = await ui(async ({ page }) =>
      page
        .locator('.quick-input-widget .quick-input-list-separator-as-item, .quick-input-widget .monaco-list-row')
        .allTextContents(),
    );
    assert.ok(details.filter((text) => text.includes('it lacks stem')).length >= 5, details.join('\n'));
    await press('Enter', 'Escape');
    assert.equal(await given, undefined);
    assert.equal(editor.document.getText(), before);
    await startAfresh(residual);
  });

  it('into a new document when the editor is closed while the list is there', async () => {
    const before = 'export const a = 1; // here\n';
    const editor = await openProgram('closed.ts', before);
    await openModel(sample());
    const given = choose();
    await previewed(/conv_2/);
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
    await vscode.window.tabGroups.close(tabs.filter(({ label }) => label === 'closed.ts'));
    await press('Enter');
    assert.match((await given) ?? '', /conv_2/);
    assert.equal(vscode.window.activeTextEditor?.document.isUntitled, true);
    assert.equal(fs.readFileSync(editor.document.uri.fsPath, 'utf8'), before);
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });

  it('a read-only file is left alone, and a new document offered', async () => {
    const before = 'export const a = 1; // here\n';
    const editor = await openProgram('read-only.ts', before);
    fs.chmodSync(editor.document.uri.fsPath, 0o444);
    await openModel(sample());
    const given = choose({ recipe: 'functional-by-name', to: 'editor' });
    await ui(async ({ page }) => {
      const widget = page.locator('.quick-input-widget');
      await page.waitForFunction(() =>
        [...document.querySelectorAll('.quick-input-widget input')].some((input) =>
          /read-only\.ts is read-only/.test(input.getAttribute('placeholder') ?? ''),
        ),
      );
      await widget.locator('.monaco-list-row', { hasText: 'New document' }).click();
    });
    await given;
    assert.equal(editor.document.getText(), before);
    const fresh = vscode.window.activeTextEditor?.document;
    assert.equal(fresh?.isUntitled, true);
    assert.match(fresh.getText(), /conv_2/);
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    fs.chmodSync(editor.document.uri.fsPath, 0o644);
  });

  it('a cell of a notebook, with what the cells before it import', async () => {
    const cell = (source: string): object => ({
      cell_type: 'code',
      source,
      metadata: {},
      outputs: [],
      execution_count: null,
    });
    const metadata = { language_info: { name: 'python' }, kernelspec: { name: 'python3', display_name: 'Python 3' } };
    const uri = inWorkspace('chosen.ipynb');
    const cells = [cell('import keras\nimport numpy as np'), cell('x = 1')];
    fs.writeFileSync(uri.fsPath, JSON.stringify({ cells, metadata, nbformat: 4, nbformat_minor: 5 }));
    const notebook = await vscode.workspace.openNotebookDocument(uri);
    const shown = await vscode.window.showNotebookDocument(notebook, { viewColumn: vscode.ViewColumn.Two });
    shown.selection = new vscode.NotebookRange(1, 2);
    await vscode.commands.executeCommand('notebook.cell.edit');
    await openModel(sample());
    await vscode.commands.executeCommand(commands.chooseInput, { uri: sample(), file: goldenDigit() });
    await choose({ recipe: 'functional-by-name', to: 'editor' });
    const text = notebook.cellAt(1).document.getText();
    assert.match(text, /^x = 1\n[^]*def [^]*conv_2/);
    assert.doesNotMatch(text, /^import keras$/m);
    assert.match(text, /"digits-cnn\/model\.json"|digits-cnn/);
    assert.equal(notebook.cellAt(0).document.getText(), 'import keras\nimport numpy as np');
    await vscode.commands.executeCommand('notebook.cell.edit');
    await vscode.commands.executeCommand('undo');
    assert.equal(notebook.cellAt(1).document.getText(), 'x = 1', 'one step of undo');
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });
});
