/** One page of the harness, and what tests ask of it. */
import type { Locator, Page } from 'playwright-core';
import type { FakeHost } from './harness/fakeHost';
import type { Harness, PageOptions } from './harness/harness';

interface HarnessWindow {
  harness: FakeHost;
}

/** Opens a page and waits for its rows. */
export async function openEditor(harness: Harness, options?: PageOptions): Promise<Page> {
  const page = await harness.open(options);
  await page.locator('.tree-row').first().waitFor();
  return page;
}

/** Parameters of the requests that the view made under this name. */
export function requests(page: Page, method: string): Promise<unknown[]> {
  return page.evaluate(
    (name) =>
      (window as unknown as HarnessWindow).harness.requests
        .filter((request) => request.method === name)
        .map(({ params }) => params),
    method,
  );
}

/** A change of state that the fake host would not come to by itself. */
export function push(page: Page, change: Parameters<FakeHost['push']>[0]): Promise<void> {
  // As unknown: the type of a page function's argument would be unrolled without end.
  return page.evaluate(
    (state) => (window as unknown as HarnessWindow).harness.push(state as object),
    change as unknown,
  );
}

export async function run(page: Page): Promise<void> {
  await page.locator('.run-line vscode-button', { hasText: 'Run' }).click();
  await page.locator('.run-line', { hasText: 'Run again' }).waitFor();
}

export const row = (page: Page, name: string): Locator =>
  page.locator('.tree-row', { has: page.locator(`.name:text-is(${JSON.stringify(name)})`) });
