// The workbench in a headless Chromium, and what a user does in it.
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { ensureChromium } from './chromium.mjs';
import { startServer } from './server.mjs';

/**
 * Starts a server (options of `startServer`) and a browser. Returns the server's fields and `{ page, context }`; its
 * `stop` ends both. `viewport` in CSS pixels, `scale` device pixels for each.
 */
export async function startWorkbench({
  viewport = { width: 1280, height: 800 },
  scale = 1,
  page: options = {},
  ...server
} = {}) {
  const executablePath = ensureChromium();
  const host = await startServer(server);
  let context;
  const stop = async (how) => {
    await context?.close().catch(() => {});
    await host.stop(how);
  };
  try {
    context = await chromium.launchPersistentContext(path.join(host.folder, 'chromium'), {
      executablePath,
      headless: true,
      viewport,
      deviceScaleFactor: scale,
      // The launcher's own handlers decide what an interrupt ends.
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
      args: [
        ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-dev-shm-usage', '--no-first-run'],
        ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      ],
      ...options,
    });
  } catch (error) {
    await stop();
    throw error;
  }
  const page = context.pages()[0] ?? (await context.newPage());
  const log = fs.createWriteStream(path.join(host.folder, 'console.log'));
  page.on('console', (message) => log.write(`${message.type()} ${message.text()}\n`));
  context.on('close', () => log.end());
  return { ...host, page, context, stop };
}

/** The document of the visible webview (nth, when there are several). */
export function webviewOf(page, nth = 0) {
  const outer = page.locator('iframe.webview.ready:visible').nth(nth).contentFrame();
  return outer.locator('iframe#active-frame').contentFrame();
}

/** Opens a folder and waits until the explorer lists it; `payload` as for the server's `url`. */
export async function openFolder({ page, url }, folder, payload) {
  await page.goto(url(folder, payload));
  await page.locator('.explorer-folders-view .monaco-list-row').first().waitFor({ timeout: 60_000 });
}

/** An entry of the explorer by its name. */
export function explorerItem(page, name) {
  const rows = page.locator('.explorer-folders-view .monaco-list-row');
  return rows.filter({ has: page.getByText(name, { exact: true }) }).first();
}

/** Runs a command of the palette by its full title. */
export async function runCommand(page, title) {
  await page.keyboard.press('F1');
  const input = page.locator('.quick-input-widget input[type="text"]');
  await input.waitFor();
  await input.fill(`>${title}`);
  await page.locator('.quick-input-list .monaco-list-row', { hasText: title }).first().waitFor();
  await page.keyboard.press('Enter');
}
