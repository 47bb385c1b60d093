import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
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

describe('a run', () => {
  it('gives every row its picture and range, and says the class', async () => {
    await open();
    expect(await page.locator('.invitation').isVisible()).toBe(true);
    await run(page);
    expect(await page.locator('.thumbnail').count()).toBe(7);
    expect(await row(page, 'conv_2').locator('.range-cell').innerText()).toBe('0 … 4.16');
    expect(await row(page, 'conv_2').locator('.badge.dead').getAttribute('aria-label')).toBe(
      '7 channels are all zero for this input',
    );
    expect(await page.locator('.prediction').innerText()).toContain('class 7');
  });

  it('shows how far it is, and can be cancelled', async () => {
    await open({ options: { hold: '1' } });
    await page.locator('.run-line vscode-button').click();
    await page.locator('[role=progressbar][aria-valuenow="14"]').waitFor();
    await page.locator('.run-line vscode-button', { hasText: 'Cancel' }).click();
    await page.locator('.run-line', { hasText: 'Cancelled.' }).waitFor();
    await expect.poll(() => requests(page, 'cancelRun')).toHaveLength(1);
  });

  it('that failed says why', async () => {
    await open();
    await push(page, {
      run: {
        state: 'failed',
        done: 0,
        total: 0,
        at: '',
        message: 'The layer lambda cannot run: it holds Python code.',
        backend: null,
        fallbacks: [],
        predictMs: null,
        layersMs: null,
        firstNonFinite: null,
        attributes: [],
        live: false,
        outputs: [],
      },
    });
    await page.getByRole('alert').filter({ hasText: 'lambda' }).waitFor();
  });

  it('whose tensors are gone keeps its statistics and asks to be run again', async () => {
    await open();
    await run(page);
    await row(page, 'conv_1').click();
    await page.locator('.tile').first().waitFor();
    await push(page, {
      run: {
        state: 'done',
        done: 7,
        total: 7,
        at: '',
        message: null,
        backend: 'wasm',
        fallbacks: [],
        predictMs: 3,
        layersMs: 4,
        firstNonFinite: null,
        attributes: [],
        live: false,
        outputs: [],
      },
    });
    await page.getByText('The tensors of this run are gone.').waitFor();
    expect(await page.locator('.statistics').innerText()).toContain('1.289');
  });

  it('with NaN names the first, and marks the row', async () => {
    await open({ model: 'nested', options: { nan: '1' } });
    await run(page);
    await page.getByText('First NaN or Inf:').locator('button').click();
    expect(await page.locator('.details-heading h2').innerText()).toBe('mix');
    expect(await row(page, 'mix').locator('.badge.bad').innerText()).toBe('NaN');
    expect(await page.locator('.statistics .bad').allInnerTexts()).toEqual(['NaN\n1', 'Inf\n1']);
  });
});

describe('the preview', () => {
  it('shows a tile a channel; one becomes large, and arrow keys read its values', async () => {
    await open();
    await run(page);
    await row(page, 'conv_1').click();
    await page.locator('.tile').nth(31).waitFor();
    expect(await page.locator('.tile').count()).toBe(32);
    await page.locator('.tile').first().focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await page.getByText('Channel 2').waitFor();
    expect(await page.evaluate(() => document.activeElement?.className)).toBe('large-map-frame');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    await page.locator('.map-readout', { hasText: /y 1, x 1: [\d.e-]+/ }).waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.tile').first().waitFor();
    expect(await page.evaluate(() => (document.activeElement as HTMLElement).dataset['channel'])).toBe('2');
  });

  it('draws pixels as they came', async () => {
    await open();
    await run(page);
    await row(page, 'conv_1').click();
    const canvas = page.locator('.tile canvas').first();
    await canvas.waitFor();
    const drawn = await canvas.evaluate((element) => {
      const { width, height } = element as HTMLCanvasElement;
      const data = (element as HTMLCanvasElement).getContext('2d')?.getImageData(0, 0, width, height).data ?? [];
      return {
        width,
        height,
        colours: new Set(Array.from({ length: data.length / 4 }, (_, at) => `${data[at * 4]},${data[at * 4 + 1]}`))
          .size,
      };
    });
    expect(drawn).toMatchObject({ width: 26, height: 26 });
    expect(drawn.colours).toBeGreaterThan(20);
  });

  it.each([
    ['flatten', '.bars'],
    ['output_layer', '.classes'],
  ])('%s: %s', async (layer, selector) => {
    await open();
    await run(page);
    await row(page, layer).click();
    await page.locator(selector).waitFor();
  });

  it('of a sequence is a heatmap whose values can be read', async () => {
    await open({ model: 'text' });
    await run(page);
    await row(page, 'embed').click();
    await page.locator('.large-map-frame').hover({ position: { x: 2, y: 2 } });
    await page.locator('.map-readout', { hasText: 'step 0, unit 0: ' }).waitFor();
  });

  it('asks again for other colours and another scale', async () => {
    await open();
    await run(page);
    await row(page, 'conv_1').click();
    await page.locator('.tile').first().waitFor();
    await page.locator('.view-line vscode-dropdown').first().click();
    await page.locator('.view-line vscode-option', { hasText: 'Magma' }).click();
    await page.locator('.view-line vscode-dropdown').nth(1).click();
    await page.locator('.view-line vscode-option', { hasText: 'All channels' }).click();
    await expect
      .poll(async () => (await requests(page, 'preview')).at(-1))
      .toMatchObject({ address: 'conv_1', options: { colorMap: 'magma', scale: 'tensor' } });
    await expect.poll(() => requests(page, 'setSetting')).toEqual([{ key: 'colorMap', value: 'magma' }]);
  });
});

describe('the input', () => {
  it('can be chosen, and random values have a seed', async () => {
    await open();
    await page.locator('.input-choice vscode-dropdown').click();
    await page.locator('.input-choice vscode-option', { hasText: 'Random values' }).click();
    await page.locator('.input-choice vscode-text-field input').fill('42');
    await page.keyboard.press('Enter');
    await expect
      .poll(() => requests(page, 'setInput'))
      .toEqual([
        { spec: { input: 'input_layer', source: { kind: 'random', seed: 7 } } },
        { spec: { input: 'input_layer', source: { kind: 'random', seed: 42 } } },
      ]);
  });

  it('can be one of the pictures near the model, or a file', async () => {
    await open();
    await page.locator('.input-choice vscode-dropdown').click();
    await page.locator('.input-choice vscode-option', { hasText: 'digit-3' }).click();
    await expect
      .poll(() => requests(page, 'setInput'))
      .toMatchObject([
        { spec: { source: { kind: 'picture', path: '/models/digits/samples/digit-3.png', name: 'digit-3.png' } } },
      ]);
    await page.getByLabel('Choose a file for input_layer…').first().click();
    await expect.poll(() => requests(page, 'pickInput')).toEqual([{ input: 'input_layer' }]);
  });

  it('shows its preprocessing, which can be changed', async () => {
    await open();
    await page.locator('.preprocessing summary').click();
    expect(await page.locator('.preprocessing').innerText()).toContain('so 0 … 1 is assumed');
    await page.locator('.form-field', { hasText: 'Values' }).locator('vscode-dropdown').click();
    await page.locator('.form-field vscode-option', { hasText: '−1 … 1' }).click();
    await page.locator('.summary-text', { hasText: '−1 … 1' }).waitFor();
    await page.locator('.form-field', { hasText: 'Size' }).locator('input').first().fill('32');
    await page.keyboard.press('Enter');
    await expect
      .poll(async () => (await requests(page, 'setInput')).at(-1))
      .toMatchObject({ spec: { source: { kind: 'picture', preprocessing: { range: 'signed', width: 32 } } } });
  });

  it('takes dropped and pasted files, and says what it cannot take', async () => {
    await open();
    const drop = (name: string): Promise<void> =>
      page.evaluate((file) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([Uint8Array.of(1, 2, 3)], file));
        document
          .querySelector('.input')
          ?.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
      }, name);
    await drop('notes.txt');
    await page.getByRole('alert').filter({ hasText: 'notes.txt is no PNG' }).waitFor();
    await drop('digits.npy');
    await expect
      .poll(async () => (await requests(page, 'setInput')).at(-1))
      .toMatchObject({ spec: { source: { kind: 'array', format: 'npy', name: 'digits.npy' } } });
    expect(await page.getByRole('alert').count()).toBe(0);
    await page.evaluate(() => {
      const clipboardData = new DataTransfer();
      clipboardData.items.add(new File([Uint8Array.of(4, 5)], 'image.png', { type: 'image/png' }));
      document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    });
    await expect
      .poll(async () => (await requests(page, 'setInput')).at(-1))
      .toMatchObject({ spec: { source: { kind: 'picture', name: 'image.png' } } });
    // A later change of the preprocessing has to send the bytes again: the host's state has none.
    await page.locator('.preprocessing summary').click();
    await page.locator('.form-field', { hasText: 'Values' }).locator('vscode-dropdown').click();
    await page.locator('.form-field vscode-option', { hasText: '0 … 255' }).click();
    await expect
      .poll(async () => JSON.stringify((await requests(page, 'setInput')).at(-1)))
      .toContain('"bytes":{"0":4,"1":5}');
  });

  it('asks for the sizes that the file leaves open', async () => {
    await open({ model: 'variable' });
    const field = page.locator('.input-facts vscode-text-field input').first();
    await field.fill('20');
    await page.keyboard.press('Enter');
    await expect
      .poll(async () => (await requests(page, 'setInput')).at(-1))
      .toMatchObject({ spec: { dims: { 1: 20 } } });
  });
});
