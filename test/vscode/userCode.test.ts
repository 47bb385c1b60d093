import assert from 'node:assert/strict';
import fs from 'node:fs';
import { runInNewContext } from 'node:vm';
import * as vscode from 'vscode';
import { commands } from '../../src/host/contributions';
import { activate, copyFixture, golden, inWorkspace, sample, startAfresh, until } from './modelEditor';

/** Waits for what `look` gives, each time that VS Code tells of diagnostics, and for what is there already. */
async function diagnosticsOf(uri: vscode.Uri, count: number): Promise<vscode.Diagnostic[]> {
  const ours = (): vscode.Diagnostic[] =>
    vscode.languages.getDiagnostics(uri).filter(({ source }) => source === 'Model Slicer');
  if (ours().length === count) return ours();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      listening.dispose();
      reject(
        new Error(
          `${ours().length} diagnostics instead of ${count}: ${ours()
            .map(({ message }) => message)
            .join()}`,
        ),
      );
    }, 20_000);
    const listening = vscode.languages.onDidChangeDiagnostics(() => {
      if (ours().length !== count) return;
      clearTimeout(timer);
      listening.dispose();
      resolve(ours());
    });
  });
}

interface Program {
  document: vscode.TextDocument;
  /** Of the n-th place where this text stands; the position behind its first `chars` characters. */
  at(text: string, chars?: number): vscode.Position;
}

let opened = 0;

/** A file of its own each time: VS Code keeps the text of one that it has seen. */
async function openProgram(name: string, text: string): Promise<Program> {
  const uri = inWorkspace(`${(opened += 1)}-${name}`);
  fs.writeFileSync(uri.fsPath, text);
  const document = await vscode.workspace.openTextDocument(uri);
  await vscode.window.showTextDocument(document, vscode.ViewColumn.One);
  return programOf(document);
}

function programOf(document: vscode.TextDocument): Program {
  return {
    document,
    at: (text, chars = text.length) => {
      const offset = document.getText().indexOf(text);
      assert.ok(offset >= 0, `${text} in ${document.getText()}`);
      return document.positionAt(offset + chars);
    },
  };
}

async function completions({ document }: Program, position: vscode.Position): Promise<vscode.CompletionItem[]> {
  const list = await vscode.commands.executeCommand<vscode.CompletionList>(
    'vscode.executeCompletionItemProvider',
    document.uri,
    position,
    undefined,
    100,
  );
  const ours = list.items.filter(({ sortText }) => /^\d{6}$/.test(sortText ?? ''));
  return ours.sort((a, b) => (a.sortText ?? '').localeCompare(b.sortText ?? ''));
}

async function hoverText({ document }: Program, position: vscode.Position): Promise<string> {
  const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
    'vscode.executeHoverProvider',
    document.uri,
    position,
  );
  const texts = hovers.flatMap(({ contents }) =>
    contents.map((part) => (typeof part === 'string' ? part : part.value)),
  );
  const plain = texts.map((text) => text.replaceAll('&nbsp;', ' '));
  return plain.filter((text) => text.includes('Model Slicer')).join('\n');
}

async function hints({ document }: Program): Promise<[string, string][]> {
  const whole = new vscode.Range(0, 0, document.lineCount, 0);
  const found = await vscode.commands.executeCommand<vscode.InlayHint[]>(
    'vscode.executeInlayHintProvider',
    document.uri,
    whole,
  );
  const before = (position: vscode.Position): string =>
    document.getText(new vscode.Range(new vscode.Position(position.line, 0), position));
  return found.map(({ label, position }) => [
    before(position),
    typeof label === 'string' ? label : label.map(({ value }) => value).join(''),
  ]);
}

async function lenses({ document }: Program): Promise<vscode.Command[]> {
  const found = await vscode.commands.executeCommand<vscode.CodeLens[]>(
    'vscode.executeCodeLensProvider',
    document.uri,
    100,
  );
  return found.flatMap(({ command }) => (command?.command === commands.open ? [command] : []));
}

async function fixes({ document }: Program, range: vscode.Range): Promise<vscode.CodeAction[]> {
  const found = await vscode.commands.executeCommand<vscode.CodeAction[]>(
    'vscode.executeCodeActionProvider',
    document.uri,
    range,
    vscode.CodeActionKind.QuickFix.value,
  );
  return found.filter(({ title }) => title.startsWith('Change to'));
}

const names = golden('digits-cnn').layers.map(({ address }) => address);

const programs = [
  {
    language: 'TypeScript',
    file: 'user.ts',
    text: [
      "import * as tf from '@tensorflow/tfjs';",
      "const model = await tf.loadLayersModel('file://./digits-cnn/model.json');",
      "const wrong = model.getLayer('conv_3');",
      "const right = model.getLayer('conv_2');",
      'console.log(model.layers[1].name, model.layers[7], model.layers.at(-1));',
      '',
    ].join('\n'),
    names,
    shape: '[null, 11, 11, 64]',
    hints: [
      ['console.log(model.layers[1]', 'conv_1'],
      ['console.log(model.layers[1].name, model.layers[7], model.layers.at(-1)', 'output_layer'],
    ],
    typed: "const x = model.getLayer('conv",
  },
  {
    language: 'Python',
    file: 'user.py',
    text: [
      'import keras',
      '# model: digits-cnn/model.json',
      'model = keras.models.load_model(path)',
      'wrong = model.get_layer("conv_3")',
      'right = model.get_layer(name="conv_2")',
      'print(model.layers[1].name, model.layers[6], model.layers[-1])',
      '',
    ].join('\n'),
    // Keras leaves the InputLayer of a Sequential out
    names: names.slice(1),
    shape: '(None, 11, 11, 64)',
    hints: [
      ['print(model.layers[1]', 'pool_1'],
      ['print(model.layers[1].name, model.layers[6], model.layers[-1]', 'output_layer'],
    ],
    typed: "x = f(model.get_layer('conv",
  },
];

describe('user code', () => {
  before(() => activate());
  beforeEach(() => startAfresh(sample()));

  for (const program of programs) {
    describe(program.language, () => {
      it('completes names of layers, in model order, with class and shape', async () => {
        const open = await openProgram(program.file, program.text);
        const items = await completions(open, open.at('conv_2', 2));
        const labels = items.map(({ label }) => (typeof label === 'string' ? { label } : label));
        assert.deepEqual(
          labels.map(({ label }) => label),
          program.names,
        );
        const [conv2] = labels.filter(({ label }) => label === 'conv_2');
        assert.equal((conv2 as vscode.CompletionItemLabel).description, `Conv2D ${program.shape}`);
        const item = items.find(({ label }) => typeof label !== 'string' && label.label === 'conv_2');
        assert.ok(item?.range instanceof vscode.Range);
        assert.equal(open.document.getText(item.range), 'conv_2', 'the whole content is replaced');
      });

      it('completes while the string is still open', async () => {
        const open = await openProgram(program.file, `${program.text}${program.typed}\nprint(1)\n`);
        const items = await completions(open, open.at(program.typed));
        assert.equal(items.length, program.names.length);
        const [first] = items;
        assert.ok(first?.range instanceof vscode.Range);
        assert.equal(open.document.getText(first.range), 'conv');
      });

      it('shows class, shape, parameters and a link', async () => {
        const open = await openProgram(program.file, program.text);
        const text = await hoverText(open, open.at('conv_2', 3));
        assert.match(text, /conv.*2.*Conv2D/);
        assert.ok(text.replaceAll('\\', '').includes(program.shape), text);
        assert.match(text, /18,496/);
        assert.match(text, /command:modelSlicer\.previewLayer/);
        assert.match(
          await hoverText(open, open.at('model.layers[1', 13)),
          program.language === 'Python' ? /pool/ : /conv/,
        );
        assert.equal(await hoverText(open, open.at('import', 3)), '');
      });

      it('says what does not exist, and changes it to the nearest name', async () => {
        const open = await openProgram(program.file, program.text);
        const [unknown, range] = await diagnosticsOf(open.document.uri, 2);
        assert.ok(unknown && range);
        assert.equal(unknown.code, 'unknown-layer');
        assert.match(unknown.message, /conv_3.*Did you mean "conv_[12]"/);
        assert.equal(open.document.getText(unknown.range), 'conv_3');
        assert.equal(range.code, 'layer-index-out-of-range');
        const [fix, ...others] = await fixes(open, unknown.range);
        assert.ok(fix?.edit);
        assert.ok(others.length > 0, 'the other conv layer, too');
        assert.equal(fix.isPreferred, true);
        await vscode.workspace.applyEdit(fix.edit);
        assert.match(open.document.getText(), /wrong = model\.(getLayer|get_layer)\(['"]conv_[12]['"]\)/);
        await diagnosticsOf(open.document.uri, 1);
        await open.document.save();
      });

      it('names the layer behind an index', async () => {
        const open = await openProgram(program.file, program.text);
        assert.deepEqual(await hints(open), program.hints);
      });

      it('opens the model from the line that loads it', async () => {
        const open = await openProgram(program.file, program.text);
        const [lens, ...others] = await lenses(open);
        assert.ok(lens);
        assert.deepEqual(others, []);
        await vscode.commands.executeCommand(lens.command, ...((lens.arguments ?? []) as unknown[]));
        const { model } = await until(sample(), (state) => state.model !== null);
        assert.equal(model?.layers.length, names.length);
      });
    });
  }

  it('shows the layer that a hover links to', async () => {
    const open = await openProgram('user.ts', programs[0]!.text);
    const text = await hoverText(open, open.at('conv_2', 3));
    const [, id = '', query = ''] = /command:([\w.]+)\?([^)]+)\)/.exec(text) ?? [];
    await vscode.commands.executeCommand(id, ...(JSON.parse(decodeURIComponent(query)) as unknown[]));
    await until(sample(), (state) => state.model !== null);
  });

  it('is off by one setting, and on again, live', async () => {
    const open = await openProgram('user.ts', programs[0]!.text);
    await diagnosticsOf(open.document.uri, 2);
    const configuration = vscode.workspace.getConfiguration('modelSlicer');
    await configuration.update('codeHelp', false, vscode.ConfigurationTarget.Workspace);
    try {
      await diagnosticsOf(open.document.uri, 0);
      assert.deepEqual(await completions(open, open.at('conv_2', 2)), []);
      assert.equal(await hoverText(open, open.at('conv_2', 3)), '');
      assert.deepEqual(await hints(open), []);
      assert.deepEqual(await lenses(open), []);
    } finally {
      await configuration.update('codeHelp', undefined, vscode.ConfigurationTarget.Workspace);
    }
    await diagnosticsOf(open.document.uri, 2);
  });

  it('follows the model: another file at the path, none, and one that is no model', async () => {
    const folder = copyFixture('digits-cnn/tfjs-keras2-h5', 'changing');
    const model = vscode.Uri.joinPath(folder, 'model.json').fsPath;
    const text = "const m = await tf.loadLayersModel('./changing/model.json');\nm.getLayer('conv_2');\n";
    const open = await openProgram('changing.ts', text);
    assert.equal((await lenses(open)).length, 1);
    const whole = fs.readFileSync(model, 'utf8');
    fs.writeFileSync(model, whole.replaceAll('conv_2', 'conv_9'));
    assert.match((await diagnosticsOf(open.document.uri, 1))[0]?.message ?? '', /conv_2.*conv_/);
    fs.writeFileSync(model, '{"name": "no model"}');
    const deadline = Date.now() + 20_000;
    let [broken] = await diagnosticsOf(open.document.uri, 1);
    while (broken?.code !== 'unreadable-model' && Date.now() < deadline) {
      await new Promise<void>((resolve) => {
        const listening = vscode.languages.onDidChangeDiagnostics(() => {
          listening.dispose();
          resolve();
        });
      });
      [broken] = await diagnosticsOf(open.document.uri, 1);
    }
    assert.match(broken?.message ?? '', /model\.json/);
    assert.equal(open.document.getText(broken?.range), './changing/model.json');
    fs.rmSync(model);
    await diagnosticsOf(open.document.uri, 0);
    assert.deepEqual(await lenses(open), []);
  });

  it('goes into nested models, and writes hostile names as data', async () => {
    copyFixture('nested-functional/tfjs-keras3', 'nested');
    copyFixture('odd-names/tfjs-keras3', 'odd');
    const nested = golden('nested-functional').layers.map(({ address }) => address);
    const inner = nested.find((address) => address.includes('/')) ?? '';
    const [outer = '', name = ''] = inner.split('/');
    const text = [
      "const m = await tf.loadLayersModel('nested/model.json');",
      `m.getLayer('${name}');`,
      `(m.getLayer('${outer}') as tf.LayersModel).getLayer('nothing like it');`,
      "const o = await tf.loadLayersModel('odd/model.json');",
      "o.getLayer('');",
      '',
    ].join('\n');
    const open = await openProgram('nested.ts', text);
    const [top, below] = await diagnosticsOf(open.document.uri, 2);
    assert.ok(top?.message.includes(`inside a nested model: ${inner}`), top?.message);
    assert.ok(below?.message.includes(`in "${outer}"`), below?.message);
    const items = await completions(open, open.at("o.getLayer('"));
    const edits = items.map(({ insertText, label }) =>
      typeof insertText === 'string' ? insertText : typeof label === 'string' ? label : label.label,
    );
    assert.ok(edits.length > 5);
    // each is the content of a literal that says the name
    const said = edits.map((content) => runInNewContext(`'${content}'`) as string);
    assert.deepEqual(said.sort(), odd().sort());
  });

  it('cells of a notebook see the models of earlier cells', async () => {
    const cell = (text: string): vscode.NotebookCellData =>
      new vscode.NotebookCellData(vscode.NotebookCellKind.Code, text, 'python');
    const uri = inWorkspace('cells.ipynb');
    const cells = [
      '%matplotlib inline\n!pip install keras',
      '# model: digits-cnn/model.json\nmodel = load()',
      "model.get_layer('conv_3')\nmodel.layers[0]",
    ];
    const json = cells.map((source) => ({
      cell_type: 'code',
      source,
      metadata: {},
      outputs: [],
      execution_count: null,
    }));
    const metadata = { language_info: { name: 'python' } };
    fs.writeFileSync(uri.fsPath, JSON.stringify({ cells: json, metadata, nbformat: 4, nbformat_minor: 5 }));
    let notebook: vscode.NotebookDocument;
    try {
      notebook = await vscode.workspace.openNotebookDocument(uri);
    } catch {
      // a VS Code without its own ipynb extension
      notebook = await vscode.workspace.openNotebookDocument(
        'jupyter-notebook',
        new vscode.NotebookData(cells.map(cell)),
      );
    }
    await vscode.window.showNotebookDocument(notebook);
    const last = notebook.getCells().at(-1)?.document;
    assert.ok(last);
    const open = programOf(last);
    const [unknown] = await diagnosticsOf(last.uri, 1);
    assert.match(unknown?.message ?? '', /conv_3/);
    assert.equal(last.getText(unknown?.range), 'conv_3');
    assert.equal((await completions(open, open.at('conv_3', 2))).length, names.length - 1);
    assert.deepEqual(await hints(open), [['model.layers[0]', 'conv_1']]);
  });
});

/** The names of the fixture as Keras has them. */
function odd(): string[] {
  const text = fs.readFileSync(inWorkspace('odd', 'model.json').fsPath, 'utf8');
  const { modelTopology } = JSON.parse(text) as {
    modelTopology: { model_config: { config: { layers: { config: { name: string } }[] } } };
  };
  return modelTopology.model_config.config.layers.map(({ config }) => config.name);
}
