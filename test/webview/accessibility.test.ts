import fs from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startHarness, type Harness, type PageOptions } from './harness/harness';

const axe = fs.readFileSync(createRequire(__filename).resolve('axe-core/axe.min.js'), 'utf8');

let harness: Harness;

beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());

type Step = (page: Page) => Promise<unknown>;

const run: Step = async (page) => {
  await page.locator('vscode-button', { hasText: 'Run' }).first().click();
  await page.locator('.run-line', { hasText: 'Run again' }).waitFor();
};
const select =
  (name: string): Step =>
  (page) =>
    page.locator('.tree-row .name', { hasText: name }).first().click();
const tab =
  (name: string): Step =>
  (page) =>
    page.getByRole('tab', { name }).click();
const mark: Step = async (page) => {
  await page.keyboard.press('Space');
  await page.locator('.slice-cut').waitFor();
};

const views: [string, PageOptions, Step[]][] = [
  ['just opened', {}, []],
  [
    'after a run, marked and verified',
    {},
    [
      run,
      select('conv_2'),
      mark,
      (page) => page.getByText('Verify').click(),
      (page) => page.locator('.verdict.passed').waitFor(),
    ],
  ],
  [
    'an open cut, tensors at a layer',
    { model: 'residual' },
    [
      select('head'),
      mark,
      select('conv2'),
      (page) => page.keyboard.press('Shift+Space'),
      (page) => page.locator('.tree-row.missing').waitFor(),
      tab('Tensors'),
      (page) => page.locator('.tensor').first().waitFor(),
      (page) => page.getByRole('button', { name: /^Start from pad/ }).click(),
    ],
  ],
  [
    'the proof in full',
    { options: { weak: '1' } },
    [
      select('conv_2'),
      mark,
      (page) => page.getByText('Verify').click(),
      (page) => page.locator('button.verdict').click(),
      (page) => page.locator('#proof').waitFor(),
    ],
  ],
  [
    'a tensor inside of a layer',
    {},
    [
      select('conv_1'),
      tab('Tensors'),
      (page) => page.getByRole('button', { name: 'Mark conv_1@pre as output' }).click(),
      (page) => page.getByRole('button', { name: 'Preview conv_1@pre' }).click(),
      (page) => page.locator('.tile').first().waitFor(),
    ],
  ],
  [
    'no cut to be made',
    { model: 'bidirectional', options: { refused: 'the states would move' } },
    [select('bi_concat'), tab('Tensors'), (page) => page.locator('.uncuttable').first().waitFor()],
  ],
  [
    'one channel large',
    {},
    [
      run,
      select('conv_1'),
      (page) => page.locator('.tile').first().click(),
      (page) => page.locator('.large-map').waitFor(),
    ],
  ],
  ['classes', {}, [run, select('output_layer'), (page) => page.locator('.classes').waitFor()]],
  ['bars', {}, [run, select('flatten'), (page) => page.locator('.bars').waitFor()]],
  ['heatmap', { model: 'text' }, [run, select('embed'), (page) => page.locator('.large-map').waitFor()]],
  ['preprocessing', {}, [(page) => page.locator('.preprocessing summary').click()]],
  [
    'weights',
    {},
    [
      select('conv_2'),
      tab('Weights'),
      (page) => page.getByText('Show statistics').click(),
      (page) => page.locator('.weight-statistics').first().waitFor(),
    ],
  ],
  ['config', {}, [select('conv_2'), tab('Config'), (page) => page.locator('.config').waitFor()]],
  ['connections', {}, [select('conv_2'), tab('Connections'), (page) => page.locator('.facts-table').waitFor()]],
  ['repairs', { model: 'repaired' }, [(page) => page.locator('button.chip').click()]],
  ['NaN and fall-backs', { model: 'nested', options: { nan: '1', fallback: '1' } }, [run]],
  ['search without a hit', {}, [(page) => page.keyboard.press('Control+f'), (page) => page.keyboard.type('nothing')]],
  ['menu', {}, [(page) => page.getByLabel('Columns').first().click()]],
  ['error page', { options: { error: 'page' } }, [(page) => page.locator('.error-page').waitFor()]],
  ['structure only', { options: { error: 'structure' } }, []],
];

interface Tools {
  axe: {
    run(options: object): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }>;
  };
  setTheme(name: string): void;
}

/** axe's findings, in the first theme by all rules, in the others those that hang on colours. */
async function violations(page: Page, theme: string, all: boolean): Promise<string[]> {
  return page.evaluate(
    async ([name, everything]) => {
      const { axe, setTheme } = window as unknown as Tools;
      setTheme(name);
      // The toolkit follows a change of theme in the next frame.
      for (let frame = 0; frame < 3; frame++) await new Promise((resolve) => requestAnimationFrame(resolve));
      // The page's landmark is the frame that VS Code puts it in.
      const options = everything ? { rules: { region: { enabled: false } } } : { runOnly: ['color-contrast'] };
      const found = (await axe.run(options)).violations;
      return found.map(({ id, nodes }) => {
        const where = nodes
          .slice(0, 3)
          .map((node) => `${node.html.slice(0, 160)} ${node.failureSummary.slice(0, 300)}`);
        return `${name} ${id}: ${where.join(' | ')}`;
      });
    },
    [theme, all] as const,
  );
}

it.each(views)('%s', async (_name, options, steps) => {
  const page = await harness.open(options);
  const problems: string[] = [];
  page.on('console', (message) => {
    if (/Content Security Policy|Refused/.test(message.text())) problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  if (options.options?.['error'] !== 'page') await page.locator('.tree-row').first().waitFor();
  for (const step of steps) await step(page);
  await page.evaluate(axe);
  for (const [index, theme] of ['dark', 'light', 'hc', 'hcLight'].entries()) {
    problems.push(...(await violations(page, theme, index === 0)));
  }
  await page.close();
  expect(problems).toEqual([]);
});
