/** docs/recipe-matrix.md: which recipe fits what, in both languages, and why not. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { codeLanguages, type CodeLanguage } from '../../../../src/core/codegen/recipe';
import { fitRecipe, recipes } from '../../../../src/core/codegen/recipes';
import { resolveAddress } from '../../../../src/core/model/address';
import { walkLayers } from '../../../../src/core/model/traversal';
import type { ModelFile } from '../../../../src/core/model/modelFile';
import type { Cut } from '../../../../src/core/slicing/slice';
import { keras } from '../../../fixtures';
import { openFixture } from '../formats/openFixture';
import { caseModels, cutsOf, cutText } from './recipeCases';

const FORMATS = ['tfjs-keras2-h5', 'tfjs-keras3'];
const LANGUAGES: Record<CodeLanguage, string> = {
  typescript: 'TypeScript (TF.js), the file as Keras 2 wrote it and as Keras 3 did',
  python: 'Python (Keras 3)',
};

interface Row {
  name: string;
  cut: Cut;
  models: ModelFile[];
}

const rows: Row[] = Object.entries(caseModels).flatMap(([name, { cuts, shown }]) => {
  if (!shown) return [];
  const formats = FORMATS.filter((format) => existsSync(path.join(keras, name, format)));
  const models = formats.map((format) => openFixture(keras, name, format));
  const newest = models.at(-1);
  const all = newest ? cutsOf(newest, cuts) : [];
  // the same layers may have other names in the other file
  const known = models.map(
    (model) => new Set(cutsOf(model, [...cuts, ...all.filter((cut) => has(model, cut))]).map(cutText)),
  );
  return all.map((cut) => ({ name, cut, models: models.filter((_, i) => known[i]?.has(cutText(cut))) }));
});

function has(model: ModelFile, { inputs, outputs }: Cut): boolean {
  try {
    return [...inputs, ...outputs].every((address) => resolveAddress(model.graph, address).address === address);
  } catch {
    return false;
  }
}

test('docs/recipe-matrix.md', async () => {
  const reasons = new Map<string, number>();
  const text = [
    '# Which recipe fits what',
    '',
    'Written by `npx vitest run test/unit/core/codegen/recipeTable.test.ts -u`. Every ✓ is compiled, run and compared with',
    'what Keras computes: some of them by `npm test`, all by `npm run conformance`. A number is the reason at the end; `…`',
    "stands there for the model's own names. Two marks: as Keras 2 wrote the file / as Keras 3 did.",
    ...codeLanguages.flatMap((language) => table(language, reasons)),
    '',
    '## Why not',
    '',
    ...[...reasons].map(([reason, number]) => `${number}. ${reason}`),
    '',
  ].join('\n');
  await expect(text).toMatchFileSnapshot(path.join(__dirname, '../../../../docs/recipe-matrix.md'));
});

function table(language: CodeLanguage, reasons: Map<string, number>): string[] {
  const head = ['model', 'cut', ...recipes.map(({ id }) => id)];
  const lines = rows.map(({ name, cut, models }) => {
    const judged = language === 'python' ? models.slice(-1) : models;
    const cells = recipes.map(({ id }) => {
      const marks = judged.map((model) => {
        const fit = fitRecipe(model, cut, { recipe: id, language, modelPath: './model.json' });
        if (fit.fits) return '✓';
        const reason = withoutNames(fit.why, model);
        if (!reasons.has(reason)) reasons.set(reason, reasons.size + 1);
        return String(reasons.get(reason));
      });
      return [...new Set(marks)].join(' / ');
    });
    return `| ${[name, cutText(cut), ...cells].join(' | ')} |`;
  });
  return [
    '',
    `## ${LANGUAGES[language]}`,
    '',
    `| ${head.join(' | ')} |`,
    `|${head.map(() => ' --- |').join('')}`,
    ...lines,
  ];
}

/** The same reason for every model: addresses and numbers are the model's. */
function withoutNames(why: string, model: ModelFile): string {
  const names = walkLayers(model.graph).flatMap(({ address, layer }) => [address, layer.name]);
  const words = [...new Set(names)]
    .filter((name) => !['a', 'middle'].includes(name))
    .sort((a, b) => b.length - a.length)
    .map((name) => name.replace(/\W/g, '\\$&'));
  const pattern = new RegExp(`(?<![\\w/])(${words.join('|')})((#\\d+)?(:\\d+)?(/[\\w#:]+)*(@\\w+)?)(?![\\w/])`, 'g');
  return why
    .replace(pattern, '…')
    .replace(/\b\d+ (outputs|inputs|tensors|times)\b/g, '… $1')
    .replace(/\w+, no layer of your own/, '…, no layer of your own')
    .replace(/\w+ of Keras, not/, '… of Keras, not');
}
