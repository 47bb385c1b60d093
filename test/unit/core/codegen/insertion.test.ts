import fc from 'fast-check';
import typescript from 'typescript';
import { describe, expect, test } from 'vitest';
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
function insert(text: string, style: InsertionStyle = ts, inserted = snippet): string {
  const cursor = text.indexOf('|');
  const plain = text.replace('|', '');
  const edits = insertSnippet(plain, cursor, inserted, style)?.edits ?? [];
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
    `import fs from 'fs';\nimport {\n  a,\n} from './a';\nimport * as tf from '@tensorflow/tfjs';\n\nconst x = 1;\n\n${snippet.body.trimEnd()}\n\nconst y = 2;\n`,
  );
});

test.each([
  "import * as tf from '@tensorflow/tfjs';",
  "import * as tf from '@tensorflow/tfjs-node';",
  "import * as tf from '@tensorflow/tfjs-node-gpu';",
  "import tf from '@tensorflow/tfjs';",
  "import tf = require('@tensorflow/tfjs');",
  "const fs = require('fs'), tf = require('@tensorflow/tfjs');",
  "const tf = await import('@tensorflow/tfjs');",
  "declare const tf: typeof import('@tensorflow/tfjs');",
  "const tf = require('@tensorflow/tfjs');",
])('nothing is imported twice: %s', (line) => {
  expect(insert(`${line}\n\n|`, ts)).toBe(`${line}\n\n${snippet.body}`);
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
    `import * as tf from '@tensorflow/tfjs';\n\nconst x = 1;\n\n${snippet.body.trimEnd()}\n\nconst y = 2;\n`,
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

describe('the module is called as the file calls it', () => {
  test.each([
    ["import * as tfjs from '@tensorflow/tfjs';", 'tfjs.loadLayersModel('],
    ["const t = require('@tensorflow/tfjs-node');", 't.loadLayersModel('],
  ])('%s', (line, use) => {
    const result = insert(`${line}\n\n|`);
    expect(result).toContain(use);
    expect(result.match(/@tensorflow/g)).toHaveLength(1);
  });

  const typed: CodeSnippet = {
    ...snippet,
    body: 'class Own extends tf.layers.Layer {\n  private readonly map = new Map<tf.Tensor<tf.Rank.R2>, { tf: number }>();\n}\n\nfunction run(a: tf.Tensor4D): tf.Tensor {\n  return a.tf(`${tf.add(a, a)}`) as tf.Tensor;\n}\n',
  };
  test('in types, templates and super classes; properties of that name are others', () => {
    expect(insert("import * as z from '@tensorflow/tfjs';\n|", ts, typed)).toContain(
      'class Own extends z.layers.Layer {\n  private readonly map = new Map<z.Tensor<z.Rank.R2>, { tf: number }>();\n}\n\nfunction run(a: z.Tensor4D): z.Tensor {\n  return a.tf(`${z.add(a, a)}`) as z.Tensor;\n}',
    );
  });

  test('not by a name that the code has for something of its own', () => {
    const result = insert("import * as source from '@tensorflow/tfjs';\n|");
    expect(result).toContain("import * as tf from '@tensorflow/tfjs';");
    expect(result).toContain('tf.loadLayersModel(source');
  });

  test('another name where `tf` is something else', () => {
    const result = insert("import tf from 'teletype-font';\n\ntf();\n|");
    expect(result).toContain("import tf from 'teletype-font';\nimport * as tfjs from '@tensorflow/tfjs';\n");
    expect(result).toContain('tfjs.loadLayersModel');
  });

  test('an import of types becomes one of values', () => {
    const result = insert("import type * as tf from '@tensorflow/tfjs';\nexport type A = tf.Tensor;\n|");
    expect(result).toMatch(/^import \* as tf from '@tensorflow\/tfjs';\nexport type A/);
    expect(result.match(/@tensorflow/g)).toHaveLength(1);
  });

  test('an import of single types stays beside', () => {
    const result = insert("import type { Tensor } from '@tensorflow/tfjs';\nexport type A = Tensor;\n|");
    expect(result).toMatch(/^import type { Tensor } from '@tensorflow\/tfjs';\nimport \* as tf from/);
  });

  test('names are added to the import of others', () => {
    const named = { ...snippet, imports: [{ module: './a', names: ['b', 'c'] }] };
    expect(insert("import { a, c } from './a';\n|", ts, named)).toContain("import { a, c, b } from './a';\n");
  });
});

describe('CommonJS', () => {
  const js: InsertionStyle = { language: 'javascript' };
  test('a file that requires gets `require`', () => {
    expect(insert("'use strict';\nconst fs = require('fs');\n\nmodule.exports = { fs };\n|", js)).toMatch(
      /^'use strict';\nconst fs = require\('fs'\);\nconst tf = require\('@tensorflow\/tfjs'\);\n\nmodule/,
    );
  });
  test('so does one that is said to', () => {
    expect(insert('|', { ...js, module: 'commonjs' })).toMatch(/^const tf = require\('@tensorflow\/tfjs'\);\n\nasync/);
  });
  test('a file that imports does not, whatever it requires', () => {
    expect(insert("import a from 'a';\nconst b = require('b');\n|", js)).toContain('import * as tf');
  });
});

test('without semicolons, where the file has none', () => {
  const long: CodeSnippet = {
    ...snippet,
    body: 'interface A {\n  a: number;\n}\n\nfunction load(): void {\n  const a = 1;\n  for (let i = 0; i < 1; i++) b(a);\n  c();\n  [1].map(c);\n  return;\n}\n',
  };
  expect(insert("import a from 'a'\nconst x = a\n|", ts, long)).toBe(
    "import a from 'a'\nimport * as tf from '@tensorflow/tfjs'\nconst x = a\n\ninterface A {\n  a: number\n}\n\nfunction load(): void {\n  const a = 1\n  for (let i = 0; i < 1; i++) b(a)\n  c();\n  [1].map(c)\n  return\n}\n",
  );
});

describe('names that are taken', () => {
  const two: CodeSnippet = {
    ...snippet,
    body: 'function load(): number {\n  return check(1);\n}\n\n/** Checks. */\nfunction check(n: number): number {\n  const o = { load: n };\n  return o.load;\n}\n',
  };
  test('get another one, visibly', () => {
    const text = 'const load = 1;\n';
    const inserted = insertSnippet(text, text.length, two, ts);
    expect(inserted?.renamed).toEqual([{ from: 'load', to: 'load2' }]);
    expect(inserted?.code).toContain('function load2(): number {\n  return check(1);\n}');
    expect(inserted?.code).toContain('const o = { load: n };\n  return o.load;');
  });
  test('not where they are taken in another function only', () => {
    const text = 'function a(load: number) {\n  const check = load;\n}\n';
    expect(insertSnippet(text, text.length, two, ts)?.renamed).toEqual([]);
    expect(insertSnippet(text, text.indexOf('check'), two, ts)?.renamed).toHaveLength(2);
  });
  test('a function that is there word for word is used', () => {
    const text = 'export function check(n: number): number {\n\tconst o = { load: n }\n\t// why\n\treturn o.load\n}\n';
    const inserted = insertSnippet(text, text.length, two, ts);
    expect(inserted).toMatchObject({
      renamed: [],
      reused: ['check'],
      code: 'function load(): number {\n  return check(1)\n}',
    });
  });
  test('but not when what it calls is another', () => {
    const text = 'function check() {}\nfunction load(): number {\n  return check(1);\n}\n';
    expect(insertSnippet(text, text.length, two, ts)?.renamed).toEqual([
      { from: 'load', to: 'load2' },
      { from: 'check', to: 'check2' },
    ]);
  });
  test('everything a second time is a second time', () => {
    const once = insert('|', ts, two);
    const again = insertSnippet(once, once.length, two, ts);
    expect(again?.reused).toEqual([]);
    expect(again?.code).toContain('function load2(): number {\n  return check2(1);');
  });
  test('in cells before it', () => {
    const before = "import * as tfjs from '@tensorflow/tfjs';\nconst load = 1;";
    const inserted = insertSnippet('', 0, snippet, { ...ts, before });
    expect(inserted).toMatchObject({ renamed: [{ from: 'load', to: 'load2' }] });
    expect(inserted?.edits.map(({ text }) => text).join('')).not.toContain('import');
    expect(inserted?.code).toContain('tfjs.loadLayersModel');
  });
});

describe('a component', () => {
  const component: InsertionStyle = { language: 'component' };
  test('in its script, with types or without', () => {
    const text = '<script setup lang="ts">\nconst a = 1;\n</script>\n<template>\n  <p>|</p>\n</template>\n';
    expect(insert(text, component)).toBe(
      `<script setup lang="ts">\nimport * as tf from '@tensorflow/tfjs';\n\nconst a = 1;\n\n${snippet.body}</script>\n<template>\n  <p></p>\n</template>\n`,
    );
    expect(insert('<script>\n\tlet a = 1;|\n</script>', component)).toContain('\tasync function load(source) {');
  });
  test('none without a script', () => {
    expect(insertSnippet('<p></p>', 0, snippet, component)).toBeNull();
  });
});

const FILES: [InsertionStyle, string][] = [
  [
    ts,
    `#!/usr/bin/env node
'use strict';
/* licence */

import a, { type B, c as d } from "a"; // why
import type { E } from 'e';
/** Documents it. */
@Component({ selector: 'x' })
export default class F<T extends E> extends G {
  private h: number = 1;
  static { I.j(); }
  constructor(readonly k: string) { super(); }
  get l() { return this.k }
  async *m(n = () => { return 1; }): AsyncGenerator<number> {
    // @ts-expect-error it is
    yield* n();

    throw new Error(\`o \${(() => {
      const p = 1;
      return p;
    })()} q\`);
  }
}
function over(r: string): void;
function over(r: number): void;
function over(r: unknown) {
  switch (r) { case 1: over(2); break; default: { over(3) } }
  if (r) over(4)
  else { over(5); } // behind
  label: for (const s of []) { continue label; }
  try { void 0 } catch { } finally { /* nothing */ }
  return r as never; /* leaves */
}
declare module 'global' { interface T { u: number } function v(): void; }
namespace W.X { export const y = 1 }
enum Z { A = 1, B }
type U = { [K in keyof Z]?: { a: 1 } } | \`b\${string}\`;
const z = { aa() { return 1 }, bb: async () => { await 1 }, cc }, [dd] = [<number>1];
do { z.aa() } while (0)
export { z as default2 }; export * from 'ff'
`,
  ],
  [
    { language: 'javascript' },
    `const a = require('a')
const { b } = require('b')
let c = b
;[1].map(c)
;(function () { return c })()
var el = <div className="x" onClick={() => { c() }}>{list.map((i) => { return <p key={i}>text {i}</p> })} // no comment
</div>
class D { #e = 1; static f = () => {} ; g() {} }
module.exports = { a,

  h: function () {

    return a
  } }
`,
  ],
  [ts, '/** Documents it. */\nexport const a = 1;\n'],
  [ts, '// only a comment'],
  [ts, '\n\n\nlet a\n\n\n\n'],
  [ts, 'if (a) {\r\n\tb();\r\n\r\n}\r\nimport c from "c";\r\n'],
];

/** TypeScript's own parser: what it says of the text, and the text as it prints it, without what was inserted. */
function read(text: string, language: string): { errors: string[]; rest: string; inserted: number } {
  const name = language === 'typescript' ? 'a.ts' : 'a.jsx';
  const file = typescript.createSourceFile(name, text, typescript.ScriptTarget.Latest, true);
  const printer = typescript.createPrinter({ removeComments: true });
  let inserted = 0;
  const strip: typescript.TransformerFactory<typescript.SourceFile> = (context) => (root) => {
    const visit = (node: typescript.Node): typescript.Node | undefined => {
      const isOwn =
        (typescript.isFunctionDeclaration(node) && node.name?.text === 'load') ||
        (typescript.isImportDeclaration(node) && node.moduleSpecifier.getText().includes('@tensorflow')) ||
        (typescript.isVariableStatement(node) && node.getText().includes("require('@tensorflow"));
      if (typescript.isFunctionDeclaration(node) && isOwn) inserted += 1;
      return isOwn ? undefined : typescript.visitEachChild(node, visit, context);
    };
    return typescript.visitEachChild(root, visit, context);
  };
  const { transformed } = typescript.transform(file, [strip]);
  const errors = (file as unknown as { parseDiagnostics: typescript.DiagnosticWithLocation[] }).parseDiagnostics;
  return {
    errors: errors.map(({ messageText }) => JSON.stringify(messageText)),
    rest: transformed[0] ? printer.printFile(transformed[0]).replace(/\s+/g, ' ') : '',
    inserted,
  };
}

describe('wherever the cursor is, the program stays the same beside what was inserted', () => {
  test.each(FILES)('%j', (style, text) => {
    const before = read(text, style.language);
    expect(before.errors).toEqual([]);
    for (let cursor = 0; cursor <= text.length; cursor += 1) {
      const { edits } = insertSnippet(text, cursor, snippet, style) ?? { edits: [] };
      for (const { start, end } of edits) expect(text.slice(start, end).trim()).toBe('');
      const result = [...edits]
        .reverse()
        .reduce((done, { start, end, text: written }) => done.slice(0, start) + written + done.slice(end), text);
      const after = read(result, style.language);
      const shown = `cursor at ${JSON.stringify(text.slice(Math.max(0, cursor - 20), cursor))}\n${result}`;
      expect(after.errors, shown).toEqual([]);
      expect(after.inserted, shown).toBe(1);
      expect(after.rest, shown).toBe(before.rest);
    }
  });

  test('and a broken program is no reason to fail', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom(
            '{',
            '}',
            '(',
            ')',
            '`',
            '${',
            "'",
            '"',
            '/*',
            '*/',
            '//',
            '\n',
            'import ',
            'from ',
            'a',
            ' = ',
            'require(',
            '@tensorflow/tfjs',
            'function f',
            '<',
            '>',
            ';',
            'const ',
            'case ',
            '=>',
            '\r\n',
          ),
        ),
        fc.nat(),
        fc.constantFrom<InsertionStyle['language']>('typescript', 'javascript', 'component'),
        (pieces, at, language) => {
          const text = pieces.join('');
          const inserted = insertSnippet(text, at % (text.length + 1), snippet, { language });
          for (const { start, end } of inserted?.edits ?? []) {
            expect(start).toBeGreaterThanOrEqual(0);
            expect(end).toBeLessThanOrEqual(text.length);
            expect(text.slice(start, end).replace('type ', '').trim()).toBe('');
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
