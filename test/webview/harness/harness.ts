/** Serves the webview's bundle to a browser under the policy that VS Code gives it, with a host inside the page. */
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import * as esbuild from 'esbuild';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { makeRecording } from './recordings';

const root = path.resolve(__dirname, '../../..');

export interface PageOptions {
  model?: string;
  theme?: 'dark' | 'light' | 'hc' | 'hcLight';
  width?: number;
  height?: number;
  /** Further parameters of the page: `hold`, `nan`, `error` … */
  options?: Record<string, string>;
  context?: BrowserContext;
}

export interface Harness {
  browser: Browser;
  open(options?: PageOptions): Promise<Page>;
  close(): Promise<void>;
}

export async function startHarness(): Promise<Harness> {
  const files = await buildFiles();
  const recordings = new Map<string, Promise<string>>();
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://harness');
    void answer(pathname, files, recordings).then(
      ({ type, body }) => {
        response.writeHead(200, { 'content-type': type });
        response.end(body);
      },
      () => {
        response.writeHead(404);
        response.end();
      },
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
  return {
    browser,
    open: async ({ model = 'digits', theme = 'dark', width = 1280, height = 800, options = {}, context } = {}) => {
      const page = context ? await context.newPage() : await browser.newPage();
      await page.setViewportSize({ width, height });
      const query = new URLSearchParams({ model, theme, ...options });
      await page.goto(`http://127.0.0.1:${port}/?${query}`);
      return page;
    },
    close: async () => {
      await browser.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Files = Map<string, { type: string; body: string | Uint8Array }>;

async function buildFiles(): Promise<Files> {
  const shared = {
    bundle: true,
    write: false,
    format: 'iife',
    target: 'chrome134',
    logLevel: 'error',
    absWorkingDir: root,
  } as const;
  const [webview, page] = await Promise.all([
    esbuild.build({
      ...shared,
      entryPoints: ['webview/main.ts'],
      outfile: 'webview.js',
      tsconfig: 'webview/tsconfig.json',
    }),
    esbuild.build({
      ...shared,
      entryPoints: ['test/webview/harness/page.ts'],
      outfile: 'page.js',
      inject: [path.join(root, 'test/webview/harness/bufferShim.ts')],
    }),
  ]);
  const files: Files = new Map();
  for (const file of [...webview.outputFiles, ...page.outputFiles]) {
    files.set(`/${path.basename(file.path)}`, {
      type: file.path.endsWith('.css') ? 'text/css' : 'text/javascript',
      body: file.text,
    });
  }
  const codicons = path.join(root, 'node_modules/@vscode/codicons/dist');
  files.set('/codicon.css', { type: 'text/css', body: fs.readFileSync(path.join(codicons, 'codicon.css')) });
  files.set('/codicon.ttf', { type: 'font/ttf', body: fs.readFileSync(path.join(codicons, 'codicon.ttf')) });
  files.set('/', { type: 'text/html', body: html });
  return files;
}

async function answer(
  pathname: string,
  files: Files,
  recordings: Map<string, Promise<string>>,
): Promise<{ type: string; body: string | Uint8Array }> {
  const file = files.get(pathname);
  if (file) return file;
  const name = /^\/recordings\/(\w+)\.json$/.exec(pathname)?.[1];
  if (name === undefined) throw new Error(`no ${pathname}`);
  let text = recordings.get(name);
  if (!text) {
    text = makeRecording(name).then((recording) => JSON.stringify(recording));
    recordings.set(name, text);
  }
  return { type: 'application/json', body: await text };
}

/** The host's policy, and `connect-src` for the recordings; VS Code's own style sheet stands in a layer below. */
const html = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'nonce-harness'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; connect-src 'self'">
<link rel="stylesheet" href="/codicon.css">
<link rel="stylesheet" href="/webview.css">
<title>Model Slicer</title>
</head>
<body>
<div id="root"></div>
<script nonce="harness" src="/page.js"></script>
<script nonce="harness" src="/webview.js"></script>
</body>
</html>`;
