import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startHarness, type Harness, type PageOptions } from './harness/harness';
import { openEditor, requests } from './session';

let harness: Harness;
let page: Page;

beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());
afterEach(() => page.close());

async function open(options?: PageOptions): Promise<void> {
  page = await openEditor(harness, options);
}

const names = (): Promise<string[]> => page.locator('.tree-row .name').allTextContents();
const activeRow = (): Promise<string | null> =>
  page.evaluate(() => {
    const id = document.querySelector('[role=treegrid]')?.getAttribute('aria-activedescendant');
    return (id ? document.getElementById(id) : null)?.querySelector('.name')?.textContent ?? null;
  });
const selected = (): Promise<string[]> => page.locator('.tree-row[aria-selected=true] .name').allTextContents();
const copies = (): Promise<unknown[]> => requests(page, 'copy');
const focusTree = (): Promise<void> => page.locator('[role=treegrid]').focus();

describe('rows', () => {
  it('show the model in its order, with shapes and parameters', async () => {
    await open();
    expect(await names()).toEqual(['input_layer', 'conv_1', 'pool_1', 'conv_2', 'pool_2', 'flatten', 'output_layer']);
    const conv = page.locator('.tree-row', { hasText: 'conv_2' });
    expect(await conv.locator('.shape-cell').innerText()).toBe('(·, 11, 11, 64)');
    expect(await conv.locator('.params-cell').innerText()).toBe('18,496');
    expect(await conv.locator('.shape-cell').getAttribute('title')).toContain('height 11, width 11, channels 64');
  });

  it('show each call of a reused model, later ones closed', async () => {
    await open({ model: 'siamese' });
    const all = await names();
    expect(all).toContain('tower#2');
    expect(all.filter((name) => name === 'conv')).toHaveLength(1);
    await page.locator('.tree-row', { hasText: 'tower#2' }).locator('.twistie').click();
    expect((await names()).filter((name) => name === 'conv')).toHaveLength(2);
    const second = page.locator('.tree-row', { hasText: 'conv' }).nth(1);
    expect(JSON.parse((await second.getAttribute('data-vscode-context')) ?? '')).toMatchObject({
      webviewSection: 'layer',
      address: 'tower#2/conv',
      addresses: ['tower#2/conv'],
      preventDefaultContextMenuItems: true,
    });
  });

  it('of 20,001 layers only those on screen exist', async () => {
    await open({ model: 'large' });
    expect(await page.locator('[role=treegrid]').getAttribute('aria-rowcount')).toBe('20002');
    expect(await page.locator('.tree-row').count()).toBeLessThanOrEqual(80);
    await focusTree();
    await page.keyboard.press('End');
    await page.locator('.tree-row', { hasText: 'block_2499_relu_7' }).waitFor();
    expect(await activeRow()).toBe('block_2499_relu_7');
    expect(await page.locator('.tree-row').count()).toBeLessThanOrEqual(80);
    // Scrolled away by mouse, the active row is still there for screen readers.
    await page.locator('[role=treegrid]').evaluate((tree) => tree.scrollTo(0, 200_000));
    await page.locator('.tree-row', { hasText: 'block_1136_relu_0' }).waitFor();
    expect(await activeRow()).toBe('block_2499_relu_7');
  });

  it('keep hostile names as text', async () => {
    await open({ model: 'hostile' });
    await page.locator('vscode-button', { hasText: 'Run' }).click();
    await page.locator('.thumbnail').first().waitFor();
    for (let row = 0; row < 8; row++) {
      await page.locator('.tree-row').nth(row).click();
      await page.keyboard.press('Space');
      for (const tab of ['Config', 'Connections', 'Weights', 'Activations'])
        await page.getByRole('tab', { name: tab }).click();
    }
    expect(await names()).toContain('<img src=x onerror="document.body.dataset.hacked=1">');
    expect(await names()).toContain('__proto__');
    expect((await names()).some((name) => name.includes('\u202e'))).toBe(false);
    expect(await page.evaluate(() => document.body.dataset['hacked'])).toBeUndefined();
    expect(await page.locator('#root img, #root script').count()).toBe(0);
  });

  it('say when they are painted', async () => {
    await open();
    await page.waitForFunction(
      () => (window as unknown as { harness: { events: unknown[] } }).harness.events.length > 0,
    );
    const events = await page.evaluate(() => (window as unknown as { harness: { events: unknown[] } }).harness.events);
    expect(events).toEqual([{ name: 'painted', value: { rows: 7 } }]);
  });
});

describe('keyboard', () => {
  it('moves, opens and closes', async () => {
    await open({ model: 'siamese' });
    await focusTree();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    expect(await activeRow()).toBe('tower');
    await page.keyboard.press('ArrowRight');
    expect(await activeRow()).toBe('tower_in');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowLeft');
    expect(await activeRow()).toBe('tower');
    await page.keyboard.press('ArrowLeft');
    expect(await page.locator('.tree-row.active').getAttribute('aria-expanded')).toBe('false');
    expect(await names()).not.toContain('embed');
    await page.keyboard.press('*');
    expect((await names()).filter((name) => name === 'embed')).toHaveLength(2);
    await page.keyboard.press('End');
    expect(await activeRow()).toBe('same');
    await page.keyboard.press('PageUp');
    expect(await activeRow()).toBe('left');
  });

  it('finds rows by what is typed', async () => {
    await open();
    await focusTree();
    await page.keyboard.type('pool_2');
    expect(await activeRow()).toBe('pool_2');
  });

  it('selects several with Shift and Control', async () => {
    await open();
    await focusTree();
    await page.keyboard.press('Home');
    await page.keyboard.press('Shift+ArrowDown');
    await page.keyboard.press('Shift+ArrowDown');
    expect(await selected()).toEqual(['input_layer', 'conv_1', 'pool_1']);
    await page.locator('.tree-row', { hasText: 'flatten' }).click({ modifiers: ['Control'] });
    expect(await selected()).toEqual(['input_layer', 'conv_1', 'pool_1', 'flatten']);
    await page.keyboard.press('Control+c');
    await expect.poll(copies).toEqual([{ text: 'input_layer\nconv_1\npool_1\nflatten' }]);
    await page.keyboard.press('Control+a');
    expect(await selected()).toHaveLength(4);
    await page.keyboard.press('Escape');
    expect(await selected()).toEqual(['flatten']);
  });

  it('marks with Space, undoes and redoes, and leaves text fields alone', async () => {
    await open();
    await page.locator('.tree-row', { hasText: 'conv_2' }).click();
    await page.keyboard.press('Space');
    const bar = page.locator('.slice-bar');
    await bar.locator('.slice-cut', { hasText: 'conv_2' }).waitFor();
    expect(await bar.innerText()).toContain('18,816 params');
    expect(await page.locator('.tree-row.in-slice .name').allTextContents()).toEqual([
      'input_layer',
      'conv_1',
      'pool_1',
      'conv_2',
    ]);
    await page.keyboard.press('Control+z');
    await bar.locator('.slice-cut').waitFor({ state: 'hidden' });
    await page.keyboard.press('Control+Shift+z');
    await bar.locator('.slice-cut').waitFor();
    await page.keyboard.press('Control+f');
    await page.keyboard.type('pool');
    await page.keyboard.press('Control+z');
    await expect.poll(() => requests(page, 'undo')).toHaveLength(1);
    expect(await bar.locator('.slice-cut').isVisible()).toBe(true);
  });

  it('reaches the details with Enter and comes back with Escape', async () => {
    await open();
    await focusTree();
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('tab');
    await page.keyboard.press('ArrowRight');
    expect(await page.getByRole('tab', { selected: true }).innerText()).toBe('Tensors');
    await page.keyboard.press('Escape');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('treegrid');
  });
});

describe('search', () => {
  it('keeps the models around what it finds, steps through and clears', async () => {
    await open({ model: 'nested' });
    await page.keyboard.press('Control+f');
    await page.keyboard.type('class:conv');
    expect(await names()).toEqual(['outer', 'middle', 'deep', 'conv', 'mix']);
    expect(await page.locator('#search-status').innerText()).toBe('2 matches');
    await page.keyboard.press('Enter');
    expect(await page.locator('#search-status').innerText()).toBe('1 of 2');
    await page.keyboard.press('Enter');
    expect(await activeRow()).toBe('mix');
    await page.keyboard.press('Shift+Enter');
    expect(await activeRow()).toBe('conv');
    await page.keyboard.press('Escape');
    expect(await names()).toHaveLength(12);
    expect(await activeRow()).toBe('conv');
  });

  it.each([
    ['params>1000', ['conv_2', 'output_layer']],
    ['/^conv_\\d/', ['conv_1', 'conv_2']],
    ['shape:64 pool', ['pool_2']],
    ['nothing here', []],
  ])('%s', async (query, expected) => {
    await open();
    await page.keyboard.press('Control+f');
    await page.keyboard.type(query);
    expect(await names()).toEqual(expected);
  });
});

it('remembers what was selected, searched, closed and hidden', async () => {
  await open({ model: 'siamese' });
  await page.locator('.tree-row', { hasText: 'tower' }).first().locator('.twistie').click();
  await page.locator('.tree-row', { hasText: 'product' }).click();
  await page.getByRole('tab', { name: 'Connections' }).click();
  await page.getByLabel('Columns').first().click();
  await page.getByRole('menuitemcheckbox', { name: 'Class' }).click();
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => sessionStorage.getItem('state')?.includes('"class"'));
  await page.reload();
  await page.locator('.tree-row').first().waitFor();
  expect(await selected()).toEqual(['product']);
  expect(await names()).not.toContain('embed');
  expect(await page.getByRole('tab', { selected: true }).innerText()).toBe('Connections');
  expect(await page.getByRole('columnheader').allTextContents()).not.toContain('Class');
});
