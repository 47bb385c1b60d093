import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';

const root = path.resolve(__dirname, '../../..');

/** Calls whose text arguments are shown: `l10n.t('…')`, `t('…')`, `plural(n, '…', '…')`. */
const TRANSLATES = new Set(['t', 'plural', 'translate']);
/** Tables of sentences, and which properties of their entries are shown. */
const TABLES: Record<string, string[]> = {
  'src/core/errorMessages.ts': ['message'],
  'src/core/messages.ts': ['message'],
  'src/core/noteMessages.ts': ['message'],
  'src/core/codegen/recipes.ts': ['title', 'when', 'costs'],
};

function sources(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => path.join(folder, name));
}

function textsOf(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(path.join(root, file), 'utf8'), ts.ScriptTarget.Latest, true);
  const texts: string[] = [];
  const shown = TABLES[file] ?? [];
  /** `cond ? 'a' : 'b'` is two texts. */
  const take = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) texts.push(node.text);
    if (ts.isConditionalExpression(node)) [node.whenTrue, node.whenFalse].forEach(take);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const name = ts.isPropertyAccessExpression(node.expression)
        ? node.expression.name.text
        : node.expression.getText();
      if (TRANSLATES.has(name)) (name === 'plural' ? node.arguments : node.arguments.slice(0, 1)).forEach(take);
    }
    if (ts.isPropertyAssignment(node) && shown.includes(node.name.getText())) take(node.initializer);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return texts;
}

// A new or changed text: `npx vitest run test/unit/host/l10n.test.ts -u`, and the translators see the difference.
it('l10n/bundle.l10n.json holds every text that is shown at run time', async () => {
  const files = [...sources('src/host'), ...sources('webview'), ...Object.keys(TABLES)];
  const texts = [...new Set(files.flatMap(textsOf))].sort();
  const bundle = Object.fromEntries(texts.map((text) => [text, text]));
  // A table that was moved to another file would take its sentences out of the bundle unseen.
  for (const file of Object.keys(TABLES)) expect(textsOf(file).length, file).toBeGreaterThan(2);
  await expect(`${JSON.stringify(bundle, null, 2)}\n`).toMatchFileSnapshot(path.join(root, 'l10n/bundle.l10n.json'));
});
