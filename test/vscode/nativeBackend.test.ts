/** *Install Native Backend* for real: npm, a mirror on this machine, and the library that the next run uses. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import * as vscode from 'vscode';
import { commands, settings, settingsSection } from '../../src/host/contributions';
import { activate, openModel, sample, startAfresh, until } from './modelEditor';
import { canDrive, ui } from './ui';

const MINUTE = 60_000;
/** Other tests lend the workspace the project's packages, where npm leaves the package without its library. */
const NOT_THERE = /The backend tensorflow cannot be used: .*(?:was not found in|has no native library)/;
const root = process.env['MODEL_SLICER_ROOT'] ?? '';

/** The folder that a mirror serves; null with the reason where it cannot be had. */
function mirrorFolder(): { folder: string | null; reason: string } {
  try {
    const script = path.join(root, 'scripts', 'nativeTensorflow.mjs');
    const folder = execFileSync('node', [script, '--mirror'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    return { folder: folder.trim(), reason: '' };
  } catch (error) {
    return { folder: null, reason: String((error as { stderr?: string }).stderr ?? error) };
  }
}

interface Mirror {
  url: string;
  asked: string[];
  close(): void;
}

/** Serves the files of `folder`; `refuses`: answers as a firewall does. */
async function startMirror(folder: string, refuses: boolean): Promise<Mirror> {
  const asked: string[] = [];
  const server = http.createServer((request, response) => {
    asked.push(request.url ?? '');
    const file = path.join(folder, path.normalize(request.url ?? '/'));
    if (refuses || !fs.existsSync(file)) {
      response.writeHead(403, { 'content-type': 'text/html' }).end('<h1>Blocked by policy</h1>');
      return;
    }
    response.writeHead(200, { 'content-length': fs.statSync(file).size });
    fs.createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${port}/`, asked, close };
}

describe('the native backend', () => {
  const before_ = { ...process.env };
  let folder = '';
  let mirror: Mirror | null = null;
  let storage: string;

  before(async function () {
    this.timeout(5 * MINUTE);
    const made = mirrorFolder();
    if (made.folder === null) {
      console.log(`\u2063not run: ${made.reason.trim()}`);
      this.skip();
    }
    folder = made.folder;
    storage = (await activate()).storage.fsPath;
  });

  async function useMirror(refuses: boolean): Promise<Mirror> {
    mirror = await startMirror(folder, refuses);
    process.env['TFJS_NODE_CDN_STORAGE'] = mirror.url;
    process.env['npm_config_tfjs_binding_binary_host_mirror'] = `${mirror.url}addon`;
    // the package's own script sends even 127.0.0.1 through a proxy
    for (const name of ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'])
      Reflect.deleteProperty(process.env, name);
    return mirror;
  }

  afterEach(async () => {
    mirror?.close();
    mirror = null;
    for (const name of Object.keys(process.env)) if (!(name in before_)) Reflect.deleteProperty(process.env, name);
    Object.assign(process.env, before_);
    fs.rmSync(path.join(storage, 'tfjs-node'), { recursive: true, force: true });
    await vscode.commands.executeCommand('notifications.clearAll');
    await startAfresh(sample());
  });

  const natives = (): string[] =>
    fs.existsSync(storage) ? fs.readdirSync(storage).filter((name) => name.startsWith('tfjs-node')) : [];

  it('is installed from a mirror, and runs what is open from then on', async function () {
    this.timeout(5 * MINUTE);
    const uri = sample();
    await openModel(uri);
    await vscode.commands.executeCommand(commands.run, { uri });
    assert.equal((await until(uri, ({ run }) => run.state === 'done')).run.backend, 'wasm');

    const { asked } = await useMirror(false);
    assert.equal(await vscode.commands.executeCommand(commands.installNativeBackend, { ask: false }), true);
    assert.equal(asked.length, 2, asked.join());
    assert.deepEqual(natives(), ['tfjs-node']);
    // the engine has its own
    assert.deepEqual(fs.readdirSync(path.join(storage, 'tfjs-node', 'node_modules', '@tensorflow')), ['tfjs-node']);

    await vscode.commands.executeCommand(commands.run, { uri });
    const { run } = await until(uri, (state) => state.run.state === 'done' && state.run.backend !== 'wasm');
    assert.equal(run.backend, 'tensorflow');
    assert.deepEqual(run.fallbacks, []);
    assert.ok(run.outputs.length > 0);
  });

  it('says clearly that its download is blocked, and leaves nothing behind', async function () {
    this.timeout(2 * MINUTE);
    const { url, asked } = await useMirror(true);
    await assert.rejects(
      async () => vscode.commands.executeCommand(commands.installNativeBackend, { ask: false }),
      (error: Error) => {
        assert.match(error.message, /^TensorFlow's library could not be fetched from /);
        assert.ok(error.message.includes(url), error.message);
        assert.match(error.message, /TFJS_NODE_CDN_STORAGE.*Nothing was changed/);
        return true;
      },
    );
    assert.ok(asked.length > 0);
    assert.deepEqual(natives(), []);
  });

  it('is not started without the user’s yes', async () => {
    const asked: string[] = [];
    const shown = vscode.window.showInformationMessage;
    const answer = (text: string, { modal, detail }: vscode.MessageOptions): Promise<undefined> => {
      asked.push(`${text} ${modal === true} ${detail}`);
      return Promise.resolve(undefined);
    };
    Object.defineProperty(vscode.window, 'showInformationMessage', { configurable: true, value: answer });
    try {
      assert.equal(await vscode.commands.executeCommand(commands.installNativeBackend), false);
    } finally {
      Object.defineProperty(vscode.window, 'showInformationMessage', { configurable: true, value: shown });
    }
    assert.match(asked.join(), /^Install the native TensorFlow backend\? true npm fetches .* MB/);
    assert.deepEqual(natives(), []);
  });

  it('is offered by *Select Backend*, with the reason why it is not there', async function () {
    if (!canDrive) this.skip();
    const picking = vscode.commands.executeCommand(commands.selectBackend);
    const rows = await ui(async ({ page }) => {
      const list = page.locator('.quick-input-list .monaco-list-row');
      await list.filter({ hasText: 'tensorflow' }).first().waitFor();
      const texts = await list.allInnerTexts();
      await page.keyboard.press('Escape');
      return texts;
    });
    await picking;
    assert.equal(rows.length, 4);
    assert.match(rows[0] ?? '', /auto[^]*current/);
    assert.match(rows[1] ?? '', /tensorflow: install it/);
    assert.match(rows[1] ?? '', NOT_THERE);
  });

  it('says why it is not there, where it was asked for by name', async () => {
    const uri = sample();
    const config = vscode.workspace.getConfiguration(settingsSection);
    await openModel(uri);
    await vscode.commands.executeCommand(commands.selectBackend, { backend: 'tensorflow' });
    try {
      await assert.rejects(async () => vscode.commands.executeCommand(commands.run, { uri }), NOT_THERE);
    } finally {
      await config.update(settings.backend, undefined, vscode.ConfigurationTarget.Global);
    }
  });
});
