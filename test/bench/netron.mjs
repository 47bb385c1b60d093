// The viewer that users would pick instead: time from giving a file to a loaded Netron page to its graph on screen.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { cache } from '../../scripts/repository.mjs';
import { ensureChromium } from '../../scripts/vscode/chromium.mjs';
import { stopwatch } from './stopwatch.mjs';

const VERSION = '9.3.3';
const venv = path.join(cache, 'netron');

function ensureNetron() {
  const command = path.join(venv, 'bin', 'netron');
  if (!fs.existsSync(command)) {
    execFileSync('python3', ['-m', 'venv', venv], { stdio: 'ignore' });
    const pip = path.join(venv, 'bin', 'pip');
    execFileSync(pip, ['install', '--quiet', `netron==${VERSION}`], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  return command;
}

/** Starts Netron and a page on it. Returns `{ version, open(file), stop }`; `open` loads the page anew and times one opening. */
export async function startNetron() {
  const port = 18000 + (process.pid % 1000);
  // BROWSER: it would open one of its own.
  const env = { ...process.env, BROWSER: '/bin/true' };
  const server = spawn(ensureNetron(), ['--port', String(port), '--host', '127.0.0.1'], { stdio: 'ignore', env });
  const browser = await chromium.launch({
    executablePath: ensureChromium(),
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking'],
  });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  // Nodes are in the page before they are laid out; the body's class tells when they are shown.
  const watch = await stopwatch(context, { startOn: 'change', selector: 'body.default :is(g.graph-node, g.node)' });
  const page = await context.newPage();
  await page.route(/^https?:\/\/(?!127\.0\.0\.1)/, (route) => route.abort());
  await page.addInitScript(() => {
    document.cookie = `consent=${Date.now()}`;
  });
  const stop = async () => {
    await browser.close();
    server.kill();
  };
  const open = async (file) => {
    await untilServed(page, `http://127.0.0.1:${port}/`);
    await page.locator('.open-file-button, #open-file-button').first().waitFor({ state: 'visible', timeout: 30_000 });
    await page.waitForTimeout(500);
    const folder = path.dirname(file);
    const shards = fs.readdirSync(folder).filter((name) => name !== path.basename(file) && /shard|\.bin$/.test(name));
    const time = watch.next();
    const files = [file, ...shards.map((name) => path.join(folder, name))];
    await page.locator('input[type="file"]').first().setInputFiles(files);
    return time;
  };
  return { version: VERSION, page, open, stop };
}

async function untilServed(page, url) {
  for (let attempt = 0; ; attempt++) {
    try {
      await page.goto(url, { waitUntil: 'load' });
      return;
    } catch (error) {
      if (attempt > 50) throw error;
      await delay(200);
    }
  }
}
