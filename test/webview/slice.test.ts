import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startHarness, type Harness, type PageOptions } from './harness/harness';
import { openEditor, push, requests, row } from './session';

let harness: Harness;
let page: Page;

beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());
afterEach(() => page.close());

const openMarked = async (options?: PageOptions): Promise<void> => {
  page = await openEditor(harness, options);
  await row(page, 'conv_2').click();
  await page.keyboard.press('Space');
  await page.locator('.slice-cut').waitFor();
};

describe('the slice bar', () => {
  it('comes with the first mark and says what the slice is', async () => {
    page = await openEditor(harness);
    expect(await page.locator('.slice-bar').count()).toBe(0);
    await row(page, 'conv_2').locator('.mark-cell').click();
    await page.locator('.slice-cut').waitFor();
    expect(await page.locator('.slice-facts').getAttribute('title')).toBe(
      '4 layers · 18,816 params · 2.42 M MACs · 74 KB',
    );
    expect((await page.locator('.slice-cut').innerText()).replace(/\s+/g, ' ')).toBe(
      'input_layer (·, 28, 28, 1) to conv_2 (·, 11, 11, 64)',
    );
  });

  it('verifies, and calls the proof out of date after another mark', async () => {
    await openMarked();
    await page.locator('vscode-button', { hasText: 'Verify' }).click();
    await page.locator('.verdict.passed', { hasText: '0' }).waitFor();
    await row(page, 'pool_1').click();
    await page.keyboard.press('Space');
    await page.locator('.verdict.stale', { hasText: 'out of date' }).waitFor();
  });

  it('says by how much a slice differs', async () => {
    await openMarked({ options: { differs: '1' } });
    await page.locator('vscode-button', { hasText: 'Verify' }).click();
    await page.locator('.verdict.failed', { hasText: 'differs by 0.0313' }).waitFor();
  });

  it('saves and writes code through the commands', async () => {
    await openMarked();
    await page.locator('vscode-button', { hasText: 'Save…' }).click();
    for (const item of ['Extraction', 'Model as layer']) {
      await page.locator('vscode-button', { hasText: 'Code…' }).click();
      await page.getByRole('menuitem', { name: item }).click();
    }
    await expect
      .poll(() => requests(page, 'command'))
      .toEqual([{ id: 'saveSlice' }, { id: 'insertExtractionCode' }, { id: 'insertModelAsLayerCode' }]);
  });

  it('clears, undoes and redoes by its buttons', async () => {
    await openMarked();
    await page.getByLabel('Clear marks').first().click();
    await page.getByText('No layer is marked.').waitFor();
    await page.getByLabel('Undo mark').first().click();
    await page.locator('.slice-cut').waitFor();
  });

  it('lists what keeps it from being saved, and marks that no longer fit', async () => {
    await openMarked();
    await push(page, {
      slice: {
        marks: [{ address: 'conv_2', kind: 'output', stale: true }],
        canUndo: true,
        canRedo: false,
        plan: null,
        planError: 'conv_2 is not in the file any more.',
        verification: { state: 'none' },
      },
    });
    const findings = page.locator('.slice-findings');
    expect(await findings.innerText()).toContain('conv_2 is not in the file any more.');
    expect(await findings.innerText()).toContain('This mark no longer fits the file.');
    expect(await row(page, 'conv_2').locator('.mark.stale').count()).toBe(1);
  });
});

describe('the page', () => {
  it('of an error offers what can be done', async () => {
    page = await harness.open({ options: { error: 'page' } });
    await page.locator('vscode-button', { hasText: 'Open structure only' }).click();
    await page.locator('vscode-button', { hasText: 'Reopen as text' }).click();
    await page.locator('vscode-button', { hasText: 'Show log' }).click();
    await expect
      .poll(() => requests(page, 'command'))
      .toEqual([{ id: 'openStructure' }, { id: 'reopenAsText' }, { id: 'showLog' }]);
  });

  it('with the structure only says so and does not run', async () => {
    page = await openEditor(harness, { options: { error: 'structure' } });
    expect(await page.getByRole('alert').innerText()).toContain('Structure only.');
    expect(await page.locator('.run-line vscode-button').getAttribute('disabled')).not.toBeNull();
  });

  it('lists repairs', async () => {
    page = await openEditor(harness, { model: 'repaired' });
    await page.locator('button.chip', { hasText: '5 repairs' }).click();
    expect(await page.locator('#file-notes li').count()).toBe(5);
    await page.keyboard.press('Escape');
    expect(await page.locator('#file-notes').isVisible()).toBe(false);
  });

  it('shows where a layer ran elsewhere, with a link to it', async () => {
    page = await openEditor(harness, { options: { fallback: '1' } });
    await page.locator('.run-line vscode-button').click();
    await page.locator('button.chip', { hasText: '1 fall-back' }).click();
    expect(await page.locator('#fallbacks').innerText()).toContain('Einsum');
    await page.locator('#fallbacks .link-button').click();
    expect(await page.locator('.details-heading h2').innerText()).toBe('conv_1');
  });

  it('splits by keyboard and stacks when narrow', async () => {
    page = await openEditor(harness);
    const width = async (): Promise<number> => (await page.locator('.tree-pane').boundingBox())?.width ?? 0;
    const before = await width();
    await page.getByRole('separator').focus();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    expect(await width()).toBeLessThan(before - 40);
    const box = await page.getByRole('separator').boundingBox();
    await page.mouse.move((box?.x ?? 0) + 1, 300);
    await page.mouse.down();
    await page.mouse.move((box?.x ?? 0) + 101, 310, { steps: 4 });
    await page.mouse.up();
    expect(await width()).toBeCloseTo(before - 0.04 * 1280 + 100, -1);
    await page.setViewportSize({ width: 420, height: 800 });
    await page.locator('.workspace.stacked').waitFor();
    expect(await page.getByRole('separator').getAttribute('aria-orientation')).toBe('horizontal');
    const overflow = await page.evaluate(() =>
      [...document.querySelectorAll('.header, .search, .tree, .details, .tab-panel, .slice-bar')]
        .filter((part) => part.scrollWidth > part.clientWidth + 1)
        .map((part) => part.className),
    );
    expect(overflow).toEqual([]);
  });

  it('speaks the display language', async () => {
    page = await harness.open({ options: { language: 'de' } });
    await page.getByRole('tab', { name: 'Aktivierungen' }).waitFor();
    expect(await page.locator('.facts').innerText()).toContain('7 Schichten');
  });

  it('of the weights reads statistics when asked', async () => {
    page = await openEditor(harness);
    await row(page, 'conv_2').click();
    await page.getByRole('tab', { name: 'Weights (2)' }).click();
    expect(await requests(page, 'weightStatistics')).toEqual([]);
    await page.locator('vscode-button', { hasText: 'Show statistics' }).click();
    await page.locator('.weight-statistics').nth(1).waitFor();
  });

  it('of the connections leads to the neighbours', async () => {
    page = await openEditor(harness, { model: 'siamese' });
    await row(page, 'tower#2').click();
    await page.getByRole('tab', { name: 'Connections' }).click();
    expect(await page.locator('.tensor-list').nth(0).innerText()).toBe('right');
    expect(await page.locator('.tensor-list').nth(2).allInnerTexts()).toEqual(['cosine\nproduct']);
    await page.locator('.tensor-list').nth(2).getByText('product').click();
    expect(await page.locator('.details-heading h2').innerText()).toBe('product');
  });
});
