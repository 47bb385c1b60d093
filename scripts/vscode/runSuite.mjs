// Runs the suite of test/vscode INSIDE the extension host of a real VS Code, on a throw-away copy of its workspace.
// usage: node scripts/vscode/runSuite.mjs [--restricted] [--grep TEXT] [--timeout SECONDS] [--keep] [--verbose] [--no-build]
// exit code: 0 all passed · 1 a test failed or the suite did not load · 124 time-out · 97 the extension host died ·
// 98 the server died · 99 the page crashed
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { format, parseArgs } from 'node:util';
import { build, buildSuite } from '../../esbuild.mjs';
import { at, cache, isMain, root } from '../repository.mjs';
import { startWorkbench, webviewOf } from './browser.mjs';

/** Marks the lines of the suite that are for the terminal. */
const SHOWN = '\u2063';
const AsyncFunction = (async () => {}).constructor;

/**
 * `restricted`: the tests for a folder that is not trusted. Returns `{ code, passed, failed }`.
 */
export async function runSuite({ restricted = false, grep, timeout = 900, keep = false, verbose = false } = {}) {
  let workbench;
  const bridge = await startBridge(() => workbench);
  const environment = {
    VSCODE_TEST_UI_BRIDGE: `http://127.0.0.1:${bridge.address().port}/`,
    MODEL_SLICER_FIXTURES: process.env.MODEL_SLICER_FIXTURES ?? at('test', 'fixtures'),
    MODEL_SLICER_ROOT: root,
    ...(restricted ? { MODEL_SLICER_RESTRICTED: '1' } : {}),
    ...(grep ? { VSCODE_TEST_GREP: grep } : {}),
  };
  // VS Code after 1.100 ignores extensionTestsPath without the smoke test driver.
  workbench = await startWorkbench({
    smokeTestDriver: true,
    environment,
    trust: restricted,
    // Restricted Mode from the start, without the question
    settings: restricted ? { 'security.workspace.trust.startupPrompt': 'never' } : {},
  });
  const { page, remote, folder } = workbench;
  const workspace = prepareWorkspace(folder);
  if (restricted) prepareHostile(workspace);

  let finish;
  let ended = false;
  const end = new Promise((resolve) => {
    finish = (code) => {
      ended = true;
      resolve(code);
    };
  });
  const errors = [];
  let counts = null;
  const log = fs.createWriteStream(path.join(folder, 'workbench.log'));
  await page.exposeFunction('codeAutomationLog', (type, args) => {
    const text = format(...args);
    log.write(`${type} ${text}\n`);
    if (text.startsWith(SHOWN)) {
      console.log(text.slice(1));
      const closing = /^(\d+) passed, (\d+) failed, \d+ skipped$/.exec(text.slice(1));
      if (closing) counts = { passed: Number(closing[1]), failed: Number(closing[2]) };
    } else {
      if (type === 'error') errors.push(text);
      if (verbose) console.error(`  (${type}) ${text}`);
    }
  });
  await page.exposeFunction('codeAutomationExit', (code) => finish(code));
  page.on('crash', () => {
    console.error('the workbench page crashed');
    finish(99);
  });
  workbench.process.once('exit', (code) => {
    if (ended) return;
    console.error(`the VS Code server ended (${code})`);
    finish(98);
  });
  const timer = setTimeout(() => {
    console.error(`the suite did not end within ${timeout} s`);
    finish(124);
  }, timeout * 1000);
  await page.goto(
    workbench.url(workspace, [
      ['extensionDevelopmentPath', remote + root],
      ['extensionTestsPath', `${remote}${at('out', 'test', 'vscode', 'suite', 'index')}`],
      ['skipWelcome', 'true'],
    ]),
  );
  let code = await end;
  clearTimeout(timer);
  // VS Code reports 0 when its extension host dies: only the suite's own closing line counts.
  if (code === 0 && (counts === null || counts.failed > 0 || counts.passed === 0)) {
    console.error('the suite ended without its closing line: the extension host died');
    code = 97;
  }
  if (code !== 0) {
    const shot = path.join(cache, 'test-vscode-failed.png');
    fs.mkdirSync(cache, { recursive: true });
    await page.screenshot({ path: shot }).catch(() => {});
    for (const error of errors.slice(-10)) console.error(`  (error) ${error.slice(0, 1500)}`);
    console.error(`exit code ${code}; the screen at the end: ${shot}`);
  }
  log.end();
  if (keep) console.error(`logs and profile are kept in ${folder}`);
  await workbench.stop({ keep });
  bridge.close();
  bridge.closeAllConnections();
  return { code, ...(counts ?? { passed: 0, failed: 0 }), ...(code !== 0 && !counts?.failed ? { failed: 1 } : {}) };
}

/** Carries out, with Playwright, the function bodies that tests in the extension host send. */
async function startBridge(workbench) {
  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    try {
      const { code, args } = JSON.parse(body);
      const { page, context } = workbench();
      const hands = { page, context, webview: (nth) => webviewOf(page, nth) };
      const value = await new AsyncFunction('workbench', 'args', code)(hands, args);
      response.end(JSON.stringify({ value }));
    } catch (error) {
      response.statusCode = 500;
      response.end(JSON.stringify({ error: error.stack ?? String(error) }));
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** A copy of test/vscode/workspace and of the sample, in which tests may write. */
export function prepareWorkspace(folder) {
  const workspace = path.join(folder, 'workspace');
  fs.mkdirSync(workspace);
  for (const source of [at('test', 'vscode', 'workspace'), at('media', 'sample')]) {
    if (fs.existsSync(source)) fs.cpSync(source, workspace, { recursive: true });
  }
  return workspace;
}

/** What a folder from a stranger may bring along: settings that name code, which would leave its mark when it is loaded. */
function prepareHostile(workspace) {
  const settings = { 'modelSlicer.customLayers': ['hostile.cjs'], 'modelSlicer.nativeBackendPath': workspace };
  fs.mkdirSync(path.join(workspace, '.vscode'), { recursive: true });
  fs.writeFileSync(path.join(workspace, '.vscode', 'settings.json'), JSON.stringify(settings));
  const native = path.join(workspace, 'node_modules', '@tensorflow', 'tfjs-node');
  fs.mkdirSync(native, { recursive: true });
  fs.writeFileSync(
    path.join(native, 'package.json'),
    '{"name":"@tensorflow/tfjs-node","version":"4.22.0","main":"index.js"}',
  );
  const mark = (name) =>
    `require('node:fs').writeFileSync(${JSON.stringify(path.join(workspace, `${name}-was-loaded`))}, '');`;
  fs.writeFileSync(path.join(native, 'index.js'), mark('native'));
  fs.writeFileSync(path.join(workspace, 'hostile.cjs'), `${mark('module')}\nmodule.exports = () => undefined;`);
}

if (isMain(import.meta.url)) {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      restricted: { type: 'boolean', default: false },
      grep: { type: 'string' },
      timeout: { type: 'string', default: '900' },
      keep: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
      build: { type: 'boolean', default: true },
    },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130));
  if (values.build) await Promise.all([build(), buildSuite()]);
  const { code } = await runSuite({ ...values, timeout: Number(values.timeout) });
  process.exit(code);
}
