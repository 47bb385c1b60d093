import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { noRun } from '../../src/protocol/viewer';
import type { FakeHost } from './harness/fakeHost';
import { startHarness, type Harness, type PageOptions } from './harness/harness';
import { openEditor, push, requests, row, run } from './session';

let harness: Harness;
let page: Page;

beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());
afterEach(() => page.close());

const open = async (options?: PageOptions): Promise<void> => {
  page = await openEditor(harness, options);
};

/** Marks a row by key, as a user would. */
async function key(name: string, keys: string): Promise<void> {
  await row(page, name).click();
  await page.keyboard.press(keys);
}

const marks = (): Promise<string[]> =>
  page.evaluate(() =>
    (window as unknown as { harness: FakeHost }).harness.markedNow.map(({ kind, address }) => `${kind} ${address}`),
  );
const cutText = (): Promise<string> => page.locator('.slice-cut').innerText();

/** The middle of the residual model: what it starts from is not enough. */
async function openCut(): Promise<void> {
  await open({ model: 'residual' });
  await key('head', 'Space');
  await key('conv2', 'Shift+Space');
  await page.locator('.tree-row.missing').waitFor();
}

describe('the gutter', () => {
  it('sets and takes away outputs and starts by click, and says so of the row', async () => {
    await open();
    await row(page, 'conv_2').locator('.mark-cell').click();
    await row(page, 'pool_1').locator('.start-cell').click();
    await expect.poll(marks).toEqual(['output conv_2', 'start pool_1']);
    expect(await row(page, 'conv_2').locator('.mark-cell').getByRole('img').getAttribute('aria-label')).toBe(
      'Marked as output',
    );
    expect(await row(page, 'pool_1').locator('.start-cell').getByRole('img').getAttribute('aria-label')).toBe(
      'Starts here: what this layer reads becomes an input',
    );
    // What comes in because of the start shows where it is made.
    expect(await row(page, 'conv_1').locator('.start-cell').getByRole('img').getAttribute('aria-label')).toBe(
      'Input of the slice',
    );
    expect(await page.locator('.tree-row.in-slice .name').allTextContents()).toEqual(['pool_1', 'conv_2']);
    await row(page, 'pool_1').locator('.start-cell').click();
    await row(page, 'conv_2').locator('.mark-cell').click();
    await expect.poll(marks).toEqual([]);
  });

  it('holds an output and a start at one row', async () => {
    await open();
    await row(page, 'conv_2').locator('.mark-cell').click();
    await row(page, 'conv_2').locator('.start-cell').click();
    await expect.poll(marks).toEqual(['output conv_2', 'start conv_2']);
    expect(await row(page, 'conv_2').locator('.mark').count()).toBe(2);
    expect(await page.locator('.slice-facts').innerText()).toContain('1 layer');
  });

  it('takes away a mark on a tensor inside of the layer', async () => {
    await open();
    await row(page, 'conv_1').click();
    await page.getByRole('tab', { name: 'Tensors' }).click();
    await page.getByRole('button', { name: 'Mark conv_1@pre as output' }).click();
    await row(page, 'conv_1').locator('.mark.codicon-record').waitFor();
    expect(await row(page, 'conv_1').locator('.mark').getAttribute('aria-label')).toBe('Marked as output: conv_1@pre');
    await row(page, 'conv_1').locator('.mark-cell').click();
    await expect.poll(marks).toEqual([]);
  });

  it('offers no start where nothing is read, and nothing at a scope', async () => {
    await open({ model: 'graph' });
    await row(page, 'StatefulPartitionedCall').locator('.mark-cell').click();
    await row(page, 'StatefulPartitionedCall').locator('.start-cell').click();
    await row(page, 'Identity').locator('.mark-cell').click();
    await expect.poll(marks).toEqual(['output Identity']);
    expect(await requests(page, 'toggleMarks')).toHaveLength(1);
  });

  it('shows marks that no longer fit', async () => {
    await open();
    await push(page, {
      slice: {
        marks: [
          { address: 'conv_2', kind: 'start', stale: true },
          { address: 'conv_2', kind: 'input', stale: false },
        ],
        canUndo: true,
        canRedo: false,
        plan: null,
        planError: null,
        verification: { state: 'none' },
      },
    });
    const icons = row(page, 'conv_2').locator('.start-cell [role=img]');
    await icons.nth(1).waitFor();
    expect(await icons.evaluateAll((found) => found.map((icon) => icon.getAttribute('aria-label')))).toEqual([
      'Starts here: what this layer reads becomes an input: no longer fits the file',
      'Supplied from outside',
    ]);
    expect(await row(page, 'conv_2').locator('.mark.stale').count()).toBe(1);
    await icons.nth(1).click();
    await expect.poll(() => requests(page, 'toggleMarks')).toEqual([{ addresses: ['conv_2'], kind: 'input' }]);
  });
});

describe('keys in the tree', () => {
  it('mark all selected rows in one step', async () => {
    await open();
    await row(page, 'conv_1').click();
    await page.keyboard.press('Shift+ArrowDown');
    await page.keyboard.press('Space');
    await expect.poll(marks).toEqual(['output conv_1', 'output pool_1']);
    await page.keyboard.press('Control+z');
    await expect.poll(marks).toEqual([]);
  });

  it.each([
    ['>', 'sliceToLayer', 'input_layer (·, 28, 28, 1)\nto\nconv_2 (·, 11, 11, 64)'],
    ['<', 'sliceBeforeLayer', 'input_layer (·, 28, 28, 1)\nto\npool_1 (·, 13, 13, 32)'],
    ['|', 'splitAtLayer', null],
  ])('%s: %s', async (pressed, command, cut) => {
    await open();
    await key('conv_2', pressed);
    await expect.poll(() => requests(page, 'command')).toEqual([{ id: command, addresses: ['conv_2'] }]);
    if (cut !== null) expect((await cutText()).replace(/\s*\n\s*/g, '\n')).toBe(cut);
  });

  it('leave letters to the search for names', async () => {
    await open();
    await page.locator('[role=treegrid]').focus();
    await page.keyboard.type('output');
    await expect.poll(() => page.locator('.tree-row.active .name').innerText()).toBe('output_layer');
    expect(await requests(page, 'toggleMarks')).toEqual([]);
  });

  it('stand below the tree, and are read with it', async () => {
    await open();
    const text = await page.locator('#tree-keys').innerText();
    expect(text.replace(/\s+/g, ' ')).toBe(
      'Space output Shift+Space start here < slice up to before > slice up to here | split',
    );
    expect(await page.locator('[role=treegrid]').getAttribute('aria-describedby')).toBe('tree-keys');
  });
});

describe('an open cut', () => {
  it('says what is missing and who needs it, with links', async () => {
    await openCut();
    const line = page.locator('.slice-findings .note.error');
    expect((await line.innerText()).replace(/\s+/g, ' ')).toContain(
      'projection (·, 6, 6, 8) is missing: add2 needs it.',
    );
    expect(await row(page, 'projection').locator('.badge.lacks').getAttribute('aria-label')).toBe(
      'Missing in the slice: add2 needs it',
    );
    expect(
      await page.locator('.slice-actions vscode-button', { hasText: 'Verify' }).getAttribute('disabled'),
    ).not.toBeNull();
    await line.getByRole('button', { name: 'add2' }).click();
    expect(await page.locator('.tree-row.active .name').innerText()).toBe('add2');
  });

  it('is closed by adding the tensor; undo opens it again', async () => {
    await openCut();
    await page.getByRole('button', { name: 'Add as input projection' }).click();
    await expect.poll(marks).toEqual(['output head', 'start conv2', 'input projection']);
    await page.locator('.tree-row.missing').waitFor({ state: 'detached' });
    expect(await cutText()).toContain('projection');
    await row(page, 'head').click();
    await page.keyboard.press('Control+z');
    await page.locator('.tree-row.missing').waitFor();
  });

  it('is closed by moving the start, and says to where', async () => {
    await openCut();
    await page.getByRole('button', { name: 'Move the start to add1 (·, 12, 12, 6)' }).click();
    await expect.poll(marks).toEqual(['output head', 'input add1']);
    await page.locator('.tree-row.missing').waitFor({ state: 'detached' });
  });

  it('with several gaps closes them in one step', async () => {
    await open({ model: 'unet' });
    await key('bottom', 'Shift+Space');
    await page.getByRole('button', { name: 'Add all 2 missing' }).waitFor();
    expect(await page.locator('.slice-findings .note.error').count()).toBe(2);
    await page.getByRole('button', { name: 'Add all 2 missing' }).click();
    await page.locator('.tree-row.missing').first().waitFor({ state: 'detached' });
    expect(await requests(page, 'command')).toEqual([{ id: 'addMissingInputs' }]);
  });
});

describe('the tensors at a layer', () => {
  const openTensors = async (name: string): Promise<void> => {
    await row(page, name).click();
    await page.getByRole('tab', { name: 'Tensors' }).click();
    await page.locator('.tensor').first().waitFor();
  };

  it('stand there by what they are, to be handed out or started from', async () => {
    await open();
    await openTensors('conv_1');
    expect(
      await page
        .locator('.tensor')
        .evaluateAll((found) => found.map((item) => item.textContent?.replace(/\s+/g, ' ').trim())),
    ).toEqual([
      'what the layer reads input_layer (·, 28, 28, 1) float32',
      'before the activation conv_1@pre (·, 26, 26, 32) float32',
      'after the activation conv_1 (·, 26, 26, 32) float32',
    ]);
    const start = page.getByRole('button', { name: 'Start from conv_1@pre: it is supplied from outside' });
    await start.click();
    await expect.poll(marks).toEqual(['input conv_1@pre']);
    await page.getByRole('button', { name: /^Start from conv_1@pre/, pressed: true }).waitFor();
    await page.getByRole('button', { name: 'Mark conv_1 as output' }).click();
    await expect.poll(marks).toEqual(['input conv_1@pre', 'output conv_1']);
  });

  it('are with what a custom layer set on itself, once a run can tell', async () => {
    const address = 'my_custom_layer@feature_output';
    await open({ model: 'custom' });
    await openTensors('my_custom_layer');
    await page.getByText('is listed here after a run').waitFor();
    await push(page, {
      run: { ...noRun, state: 'done', live: true, attributes: [{ address, shape: [2, 6], dtype: 'float32' }] },
    });
    const tensor = page.locator('.tensor', { hasText: address });
    expect(((await tensor.textContent()) ?? '').replace(/\s+/g, ' ')).toMatch(
      /inside the layer: feature_output .*\(2, 6\) float32 Cannot be cut: the layer does not hand it on/,
    );
    expect(await page.getByText('is listed here after a run').count()).toBe(0);
    expect(await tensor.getByRole('button', { name: `Mark ${address} as output` }).isDisabled()).toBe(true);
    await tensor.getByRole('button', { name: `Preview ${address}` }).click();
    await expect.poll(() => requests(page, 'runInner')).toEqual([{ address }]);
  });

  it('are with a way to write the class of a layer that nobody knows', async () => {
    await open({ model: 'custom' });
    const context = async (name: string): Promise<unknown> =>
      JSON.parse((await row(page, name).getAttribute('data-vscode-context')) ?? '{}');
    expect(await context('my_custom_layer')).toMatchObject({ customLayer: true });
    expect(await context('dense')).not.toHaveProperty('customLayer');
    await row(page, 'dense').click();
    expect(await page.getByRole('button', { name: 'Write its class…' }).count()).toBe(0);
    await row(page, 'my_custom_layer').click();
    await page.getByRole('button', { name: 'Write its class…' }).click();
    await expect
      .poll(() => requests(page, 'command'))
      .toEqual([{ id: 'createCustomLayer', addresses: ['my_custom_layer'] }]);
  });

  it('offer cuts around the layer', async () => {
    await open();
    await openTensors('pool_1');
    for (const name of ['Cut before', 'Cut after', 'Split here…'])
      await page.locator('vscode-button', { hasText: name }).click();
    await expect
      .poll(() => requests(page, 'command'))
      .toEqual([
        { id: 'sliceBeforeLayer', addresses: ['pool_1'] },
        { id: 'sliceToLayer', addresses: ['pool_1'] },
        { id: 'splitAtLayer', addresses: ['pool_1'] },
      ]);
  });

  it('inside of it are run when they are wanted, and can be chosen then', async () => {
    await open();
    await openTensors('conv_1');
    await page.getByRole('button', { name: 'Preview conv_1@pre' }).click();
    await page.locator('.tile').first().waitFor();
    expect(await requests(page, 'runInner')).toEqual([{ address: 'conv_1@pre' }]);
    await expect.poll(async () => (await requests(page, 'preview')).at(-1)).toMatchObject({ address: 'conv_1@pre' });
    expect(await page.locator('.tree-row', { hasText: '@pre' }).count()).toBe(0);
    await page.locator('.tensor-line vscode-dropdown').click();
    await page.locator('.tensor-line vscode-option').first().click();
    await expect.poll(async () => (await requests(page, 'preview')).at(-1)).toMatchObject({ address: 'conv_1' });
    // Another row has one tensor only, and this one still both.
    await row(page, 'pool_1').click();
    await page.locator('.tensor-line').waitFor({ state: 'detached' });
    await run(page);
    await row(page, 'conv_1').click();
    await page.locator('.tensor-line').waitFor();
  });

  it('where no cut can be made say why', async () => {
    await open({ model: 'bidirectional', options: { refused: 'the states would move' } });
    await openTensors('bi_concat');
    expect(await page.locator('.uncuttable .tensor-roles').allTextContents()).toEqual([
      'forward direction',
      'backward direction',
    ]);
    expect(await page.locator('.tensor-reason').allInnerTexts()).toEqual(
      Array<string>(2).fill('Cannot be cut: the states would move'),
    );
    const button = (name: string): Promise<boolean> => page.getByRole('button', { name }).isDisabled();
    expect(await button('Mark bi_concat@forward as output')).toBe(true);
    expect(await button('Preview bi_concat@forward')).toBe(false);
  });

  it('around a BatchNorm are those of the layer that feeds it, too', async () => {
    await open({ model: 'batchnorm' });
    await openTensors('batch_normalization');
    expect(await page.locator('.tensor-roles').allTextContents()).toEqual([
      'what conv2d reads',
      'before the activation',
      'after the activation, before BatchNorm',
      'after BatchNorm',
    ]);
    await page.getByRole('button', { name: 'Mark conv2d@pre as output' }).click();
    await row(page, 'conv2d').locator('.mark.codicon-record').waitFor();
  });
});

describe('the proof', () => {
  const verify = async (options: Record<string, string> = {}): Promise<void> => {
    await open({ options });
    await key('conv_2', 'Space');
    await page.locator('.slice-actions vscode-button', { hasText: 'Verify' }).click();
  };

  it('says in a word and in full what was found, by keyboard too', async () => {
    await verify({ weak: '1' });
    expect(await page.locator('button.verdict').innerText()).toContain('0 · whole from parts 0 · weak');
    await page.locator('button.verdict').focus();
    await page.keyboard.press('Enter');
    const text = (await page.locator('#proof').innerText()).replace(/\s+/g, ' ');
    expect(text).toContain('Slice against the original, on wasm');
    expect(text).toContain('conv_2 0');
    expect(text).toContain('2 sets of inputs');
    expect(text).toContain('random values, seed 7 (constant outputs) 0');
    await page.keyboard.press('Escape');
    expect(await page.locator('#proof').isVisible()).toBe(false);
  });

  it('that failed shows the worst output first', async () => {
    await verify({ differs: '1' });
    await page.locator('button.verdict.failed', { hasText: 'differs by 0.0313' }).click();
    expect(await page.locator('#proof tbody tr').first().innerText()).toMatch(/conv_2\s+0\.0313\s+not equal/);
  });

  it('can be cancelled', async () => {
    await verify({ hold: 'verify' });
    await page.locator('.verdict [role=progressbar]').waitFor();
    await page.locator('.slice-actions vscode-button', { hasText: 'Cancel' }).click();
    await page.locator('.verdict').waitFor({ state: 'detached' });
  });
});

describe('what is to be known of a slice', () => {
  it('is folded where it is much, and never higher than six lines', async () => {
    await open();
    await key('conv_2', 'Space');
    await page.locator('.slice-cut').waitFor();
    const slice = await page.evaluate(() => (window as unknown as { harness: FakeHost }).harness.sliceNow);
    const many = Array.from({ length: 40 }, (_, index) => ({
      address: 'conv_2',
      message: `Note ${index}`,
      reason: `why ${index}`,
    }));
    if (slice.plan)
      await push(page, { slice: { ...slice, plan: { ...slice.plan, notes: many, notExportable: many } } });
    const findings = page.locator('.slice-findings');
    await findings.getByText('40 notes').waitFor();
    expect(await findings.getByText('Note 39').isVisible()).toBe(false);
    await findings.getByText('Cannot be saved: 40 reasons').click();
    await findings.getByText(/Cannot be saved as .*: why 39/).waitFor();
    expect((await findings.boundingBox())?.height).toBeLessThanOrEqual(145);
  });

  it('of a graph-model can be asked for at a node that a search found', async () => {
    await open({ model: 'graph' });
    await page.keyboard.press('Control+f');
    await page.keyboard.type('class:Relu6');
    for (const pressed of ['Enter', 'Escape', 'Escape', 'Space']) await page.keyboard.press(pressed);
    await expect.poll(marks).toEqual(['output StatefulPartitionedCall\\/mobilenet_block_1\\/squeeze_expand_1\\/Relu6']);
    await page.locator('.slice-cut').waitFor();
    expect(await page.locator('.tree-row.in-slice').count()).toBeGreaterThan(1);
    expect(await page.locator('.slice-actions vscode-button', { hasText: 'Save…' }).getAttribute('title')).toBe(
      'Save as a TF.js graph model',
    );
  });

  it('leads to nodes of a graph-model, also into closed scopes', async () => {
    await open({ model: 'graph' });
    await row(page, 'Identity').locator('.start-cell').click();
    await page.locator('.slice-cut').waitFor();
    expect(await row(page, 'Softmax').count()).toBe(0);
    await page.locator('.slice-cut').getByRole('button', { name: '…/mobilenet_block_1/scores_1/Softmax' }).click();
    await row(page, 'Softmax').waitFor();
    expect(await page.locator('.tree-row.active .name').innerText()).toBe('Softmax');
    expect(await row(page, 'Softmax').locator('.start-cell').getByRole('img').getAttribute('aria-label')).toBe(
      'Input of the slice',
    );
  });
});
