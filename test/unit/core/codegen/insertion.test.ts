import { expect, test } from 'vitest';
import { insertSnippet, type InsertionStyle } from '../../../../src/core/codegen/insertion';
import type { CodeSnippet } from '../../../../src/core/codegen/codeSnippet';

const snippet: CodeSnippet = {
  language: 'typescript',
  imports: [{ module: '@tensorflow/tfjs', names: [], namespace: 'tf' }],
  body: "async function load(source: string) {\n  // it's loaded\n  return tf.loadLayersModel(source + 'it\\'s \"quoted\"');\n}\n",
  untyped: 'async function load(source) {\n  return tf.loadLayersModel(source);\n}\n',
  text: '',
};
const ts: InsertionStyle = { language: 'typescript' };

/** `|` is the cursor. */
function insert(text: string, style: InsertionStyle = ts): string {
  const cursor = text.indexOf('|');
  const plain = text.replace('|', '');
  const edits = insertSnippet(plain, cursor, snippet, style)?.edits ?? [];
  edits.forEach((edit, i) => expect(edit.start).toBeGreaterThanOrEqual(edits[i - 1]?.end ?? 0));
  return [...edits]
    .reverse()
    .reduce((result, { start, end, text: written }) => result.slice(0, start) + written + result.slice(end), plain);
}

test('an empty file', () => {
  expect(insert('|')).toBe(`import * as tf from '@tensorflow/tfjs';\n\n${snippet.body}`);
});

test('the import goes behind the others, the code to the cursor', () => {
  expect(insert("import fs from 'fs';\nimport {\n  a,\n} from './a';\n\nconst x = 1;\n|\nconst y = 2;\n")).toBe(
    `import fs from 'fs';\nimport {\n  a,\n} from './a';\nimport * as tf from '@tensorflow/tfjs';\n\nconst x = 1;\n${snippet.body.trimEnd()}\nconst y = 2;\n`,
  );
});

test.each([
  "import * as tf from '@tensorflow/tfjs';",
  "import * as tf from '@tensorflow/tfjs-node';",
  'import * as tf from "@tensorflow/tfjs-node-gpu"',
  "const tf = require('@tensorflow/tfjs');",
])('nothing is imported twice: %s', (line) => {
  expect(insert(`${line}\n\n|`, { ...ts, quotes: 'single' })).toBe(`${line}\n\n${snippet.body}`);
});

test('TF.js for Node is not imported beside TF.js under the same name', () => {
  const node = { ...snippet, imports: [{ module: '@tensorflow/tfjs-node', names: [], namespace: 'tf' }] };
  const text = "import * as tf from '@tensorflow/tfjs';\n\n";
  expect(
    insertSnippet(text, text.length, node, ts)
      ?.edits.map((edit) => edit.text)
      .join(''),
  ).not.toContain('import');
});

test('another import of the module stays as it is', () => {
  expect(insert("import { add } from '@tensorflow/tfjs';\n\n|")).toContain(
    "import { add } from '@tensorflow/tfjs';\nimport * as tf from '@tensorflow/tfjs';\n",
  );
});

test('indentation, quotes and line ends are those of the file', () => {
  const result = insert(
    'import a from "a";\r\nfunction outer() {\r\n\tif (a) {\r\n\t\treturn "b";\r\n\t}\r\n\t|\r\n}\r\n',
  );
  expect(result).toContain('import * as tf from "@tensorflow/tfjs";\r\n');
  expect(result).toContain(
    '\tasync function load(source: string) {\r\n\t\t// it\'s loaded\r\n\t\treturn tf.loadLayersModel(source + "it\'s \\"quoted\\"");\r\n\t}\r\n}',
  );
  expect(result.replace(/\r\n/g, '')).not.toContain('\n');
});

test('four spaces', () => {
  expect(insert("function a() {\n    return 'b';\n}\n|")).toContain('\n    // it');
});

test('on a line with text the code goes below it', () => {
  expect(insert('const x| = 1;\nconst y = 2;\n')).toBe(
    `import * as tf from '@tensorflow/tfjs';\n\nconst x = 1;\n\n${snippet.body.trimEnd()}\nconst y = 2;\n`,
  );
});

test('a cursor among the imports does not split them', () => {
  const result = insert("import a from 'a';|\nimport b from 'b';\nconst x = 1;\n");
  expect(result.indexOf('async function')).toBeGreaterThan(result.indexOf("from '@tensorflow/tfjs'"));
  expect(result.indexOf("'@tensorflow/tfjs'")).toBeGreaterThan(result.indexOf('import b'));
});

test('shebang, directives and licence stay at the top', () => {
  const head = "#!/usr/bin/env node\n'use strict';\n/* licence */\n";
  expect(insert(`${head}const x = 1;\n|`).startsWith(`${head}import * as tf`)).toBe(true);
});

test('JavaScript gets no types', () => {
  expect(insert('|', { language: 'javascript' })).toContain('async function load(source) {');
});
