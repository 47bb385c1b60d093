/** What the recipes really write, in files of other habits: the compiler and Python say whether it still holds. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { insertSnippet, type InsertionStyle } from '../../../../src/core/codegen/insertion';
import type { CodeLanguage } from '../../../../src/core/codegen/recipe';
import { fitRecipe, recipes } from '../../../../src/core/codegen/recipes';
import type { Cut } from '../../../../src/core/slicing/slice';
import { keras } from '../../../fixtures';
import { openFile } from '../slicing/plainTfjsModel';
import { compileErrors } from './compile';
import { pythonWith } from './pythonPrograms';

const CUTS: [string, Cut][] = [
  ['digits-cnn', { outputs: ['conv_2'], inputs: [] }],
  ['nested-sequential', { outputs: [], inputs: [] }],
  ['two-inputs-two-outputs', { outputs: [], inputs: [] }],
];

/** The file with each snippet that fits, by recipe and model. */
function inserted(language: CodeLanguage, text: string, style: InsertionStyle): Map<string, string> {
  const cursor = text.indexOf('|');
  const plain = text.replace('|', '');
  const results = new Map<string, string>();
  for (const [fixture, cut] of CUTS) {
    const { model } = openFile(path.join(keras, fixture, 'tfjs-keras2-h5', 'model.json'));
    for (const { id } of recipes) {
      const fit = fitRecipe(model, cut, { recipe: id, language });
      if (!fit.fits) continue;
      const edits = insertSnippet(plain, cursor, fit.writer.write(fit.task), style)?.edits ?? [];
      const written = [...edits]
        .reverse()
        .reduce((done, edit) => done.slice(0, edit.start) + edit.text + done.slice(edit.end), plain);
      results.set(`${id}-${fixture}`, written);
    }
  }
  expect(results.size).toBeGreaterThan(20);
  return results;
}

const ts: InsertionStyle = { language: 'typescript' };

test.each([
  [
    'no semicolons, double quotes, tabs, another name for TF.js, names taken',
    'import * as flow from "@tensorflow/tfjs"\r\nimport { readFile } from "node:fs/promises"\r\n\r\nexport function expectShape(): number {\r\n\treturn flow.ones([1]).size\r\n}\r\n|\r\nexport const a = { expectShape, readFile }\r\n',
    /(expectShape2|flow\.)/,
  ],
  [
    'in a function, among statements, with types of TF.js only',
    'import type * as tf from "@tensorflow/tfjs";\n\nexport class Outer {\n    method(shape: tf.Shape): number[] {\n        const tensors: number[] = [];|\n        return [...tensors, shape.length];\n    }\n}\n',
    /^import \* as tf/,
  ],
])('TypeScript: %s', (_, text, expected) => {
  const files = inserted('typescript', text, ts);
  for (const [name, code] of files) expect(code, name).toMatch(expected);
  const named = [...files].map(([name, code]) => [`${name}.ts`, code] as const);
  // what is inserted is there to be called by what the user writes next
  const errors = compileErrors(new Map(named)).filter(
    (error) => !/is declared but (its value is )?never (used|read)/.test(error),
  );
  expect(errors).toEqual([]);
});

test('once more into what has it already', () => {
  const { model } = openFile(path.join(keras, 'digits-cnn', 'tfjs-keras2-h5', 'model.json'));
  const files = new Map<string, string>();
  for (const { id } of recipes) {
    const fit = fitRecipe(model, { outputs: ['conv_2'], inputs: [] }, { recipe: id, language: 'typescript' });
    if (!fit.fits) continue;
    const snippet = fit.writer.write(fit.task);
    let text = '';
    for (let time = 0; time < 2; time += 1) {
      const { edits } = insertSnippet(text, text.length, snippet, ts) ?? { edits: [] };
      for (const edit of [...edits].reverse()) text = text.slice(0, edit.start) + edit.text + text.slice(edit.end);
    }
    files.set(`${id}.ts`, `${text}\nexport {};\n`);
  }
  const errors = compileErrors(files).filter(
    (error) => !/is declared but (its value is )?never (used|read)/.test(error),
  );
  expect(errors).toEqual([]);
});

const interpreter = pythonWith('ast');

test
  .skipIf(interpreter === null)
  .each([
    "'''A program.'''\nfrom __future__ import annotations\n\nimport numpy\nfrom tensorflow import keras as k\n\n\ndef expect_shape():\n\treturn k, numpy\n|\n\nprint('a', 'b', 'c')\n",
    'import os\n\n\nclass A:\n  def run(self):\n    x = os.name|\n    return x\n',
  ])('Python: %j', (text) => {
  const files = inserted('python', text, { language: 'python' });
  // compiled, and every name that is read at the top level or in a function is bound somewhere
  const program = `
import ast, builtins, json, sys
bad = []
for name, code in json.load(sys.stdin).items():
    try:
        tree = ast.parse(code)
        compile(code, name, "exec")
    except SyntaxError as error:
        bad.append([name, str(error)])
        continue
    bound = set(dir(builtins))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load): bound.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)): bound.add(node.name)
        elif isinstance(node, ast.arg): bound.add(node.arg)
        elif isinstance(node, ast.alias): bound.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name: bound.add(node.name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in bound: bad.append([name, node.id])
print(json.dumps(bad))
`;
  const output = execFileSync(interpreter ?? '', ['-c', program], {
    input: JSON.stringify(Object.fromEntries(files)),
    encoding: 'utf8',
  });
  expect(JSON.parse(output)).toEqual([]);
});
