import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { commands } from '../../src/host/contributions';
import { goldenDigit, inWorkspace, openModel, relativeDifference, sample, startAfresh } from './modelEditor';
import { readNpz, type NumpyArray } from './numpyFiles';
import { callPlain, repository } from './plainTfjs';

/** A file with a cursor at `// here`. */
async function openProgram(name: string, text: string): Promise<vscode.TextEditor> {
  const uri = inWorkspace(name);
  fs.writeFileSync(uri.fsPath, text);
  const document = await vscode.workspace.openTextDocument(uri);
  const editor = await vscode.window.showTextDocument(document, vscode.ViewColumn.Two);
  const end = document.positionAt(text.indexOf('// here') + '// here'.length);
  editor.selection = new vscode.Selection(end, end);
  return editor;
}

/** Compiles as a strict project does, against the real types of tfjs. Returns what the compiler said. */
function compileStrict(file: string, outDir: string): string {
  const compiler = path.join(repository, 'node_modules/typescript/bin/tsc');
  const packages = path.join(path.dirname(file), 'node_modules');
  if (!fs.existsSync(packages)) fs.symlinkSync(path.join(repository, 'node_modules'), packages);
  const target = ['--target', 'es2022', '--module', 'nodenext', '--moduleResolution', 'nodenext', '--types', 'node'];
  const options = ['--strict', '--noUncheckedIndexedAccess', '--skipLibCheck', ...target, '--outDir', outDir];
  try {
    const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
    execFileSync(process.execPath, [compiler, ...options, file], { cwd: path.dirname(file), encoding: 'utf8', env });
    return '';
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

/** The digit and what `conv_2` makes of it, from the model as it is. */
async function digitAndFeatures(): Promise<{ input: NumpyArray; features: NumpyArray }> {
  const target = inWorkspace('for-code.npz').fsPath;
  await vscode.commands.executeCommand(commands.exportActivations, { uri: sample(), target, overwrite: true });
  const arrays = readNpz(target);
  const [input, features] = [arrays.get('input_layer'), arrays.get('conv_2')];
  assert.ok(input && features);
  return { input, features };
}

describe('code', () => {
  beforeEach(() => startAfresh(sample()));

  const kinds = [
    {
      command: commands.insertExtractionCode,
      recipe: 'functional-by-name',
      name: 'extraction.ts',
      use: 'const extractor = await loadConv2Extractor(source);\n  return [extractConv2(extractor, image)];',
      shapes: [[1, 11, 11, 64]],
    },
    {
      command: commands.insertModelAsLayerCode,
      recipe: 'layer-functional',
      name: 'as-layer.ts',
      use: 'const base = await loadConv2Base(source);\n  const model = buildConv2Classifier(base, 5);\n  return [base.predict(image) as tf.Tensor, model.predict(image) as tf.Tensor];',
      shapes: [
        [1, 11, 11, 64],
        [1, 5],
      ],
    },
  ];
  for (const { command, recipe, name, use, shapes } of kinds) {
    it(`${command}: into a program, which compiles under strict, runs, and gives the same numbers`, async () => {
      const before = [
        "import * as tf from '@tensorflow/tfjs';",
        '',
        '// here',
        '',
        'export async function main(source: tf.io.IOHandler, image: tf.Tensor4D): Promise<tf.Tensor[]> {',
        `  ${use}`,
        '}',
        '',
      ].join('\n');
      const editor = await openProgram(name, before);
      await openModel(sample());
      await vscode.commands.executeCommand(commands.chooseInput, { uri: sample(), file: goldenDigit() });
      await vscode.commands.executeCommand(commands.sliceToLayer, { uri: sample(), addresses: ['conv_2'] });
      await vscode.commands.executeCommand(command, { uri: sample(), recipe, to: 'editor' });
      const text = editor.document.getText();
      assert.equal(text.match(/@tensorflow\/tfjs'/g)?.length, 1, text);
      assert.match(text, /'\.\/digits-cnn\/model\.json'/);
      assert.ok(text.indexOf('// here') < text.indexOf('conv_2'), text);
      await editor.document.save();
      const outDir = inWorkspace('compiled').fsPath;
      assert.equal(compileStrict(editor.document.uri.fsPath, outDir), '', text);

      const { input, features } = await digitAndFeatures();
      const outputs = callPlain(path.join(outDir, name.replace('.ts', '.js')), sample().fsPath, input);
      assert.deepEqual(
        outputs.map(({ shape }) => shape),
        shapes,
      );
      assert.ok(relativeDifference(outputs[0]?.values ?? [], features.values) <= 1e-4);

      await vscode.window.showTextDocument(editor.document, vscode.ViewColumn.Two);
      await vscode.commands.executeCommand('undo');
      assert.equal(editor.document.getText(), before, 'one step of undo');
      await editor.document.save();
    });
  }

  it('without types into JavaScript, with the import it lacks', async () => {
    const editor = await openProgram('program.mjs', "import fs from 'node:fs';\n\nconsole.log(fs);\n// here\n");
    await openModel(sample());
    await vscode.commands.executeCommand(commands.insertExtractionCode, {
      uri: sample(),
      addresses: ['pool_1'],
      recipe: 'functional-by-name',
      to: 'editor',
    });
    const text = editor.document.getText();
    assert.match(text, /^import fs from 'node:fs';\nimport \* as tf from '@tensorflow\/tfjs';\n/);
    assert.doesNotMatch(text, /: tf\./);
    await editor.document.save();
  });

  it('into a new document, or to the clipboard', async () => {
    await openModel(sample());
    const args = { uri: sample(), addresses: ['conv_2'] };
    await vscode.commands.executeCommand(commands.insertExtractionCode, {
      ...args,
      recipe: 'functional-by-name',
      to: 'document',
    });
    const document = vscode.window.activeTextEditor?.document;
    assert.equal(document?.isUntitled, true);
    assert.equal(document.languageId, 'typescript');
    assert.match(document.getText(), /^import \* as tf[^]*conv_2/);
    const copied = await vscode.commands.executeCommand<string>(commands.insertModelAsLayerCode, {
      ...args,
      recipe: 'layer-functional',
      to: 'clipboard',
    });
    assert.equal(await vscode.env.clipboard.readText(), copied);
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });

  it('says why a recipe does not fit', async () => {
    await openModel(sample());
    const args = { uri: sample(), addresses: ['conv_2'], recipe: 'no-such-recipe', to: 'clipboard' };
    await assert.rejects(
      async () => vscode.commands.executeCommand(commands.insertExtractionCode, args),
      /no-such-recipe.*functional-by-name/,
    );
  });
});
