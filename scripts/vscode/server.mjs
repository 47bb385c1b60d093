// Starts and ends the server of the VS Code that `install.mjs` brings.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from '../folderLock.mjs';
import { at } from '../repository.mjs';
import { ensureVSCode } from './install.mjs';

/** User settings of the throw-away profile: nothing that asks, greets or goes to the network. */
const QUIET = {
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'telemetry.telemetryLevel': 'off',
  'extensions.ignoreRecommendations': true,
  'extensions.autoCheckUpdates': false,
  'git.openRepositoryInParentFolders': 'never',
  'git.autofetch': false,
  'files.autoSave': 'off',
  'chat.disableAIFeatures': true,
  'chat.agentHost.enabled': false,
};

/** What every server notes of itself, so that the next start can end what a killed launcher left behind. */
const RUNNING = at('.vscode-test', 'running');

/**
 * Starts a server on 127.0.0.1 with a profile in a new folder under the system's temporary folder.
 * `vsix`: extensions to install; `extensionFolders`: extensions to run from where they are; `trust: true` asks for workspace trust as usual; `smokeTestDriver`: needed for a suite
 * inside the extension host, hides toasts. Returns `{ url, remote, port, process, folder, stop }`.
 */
export async function startServer({
  port = 0,
  smokeTestDriver = false,
  trust = false,
  vsix = [],
  extensionFolders = [],
  settings = {},
  environment = {},
} = {}) {
  const { node, server } = await ensureVSCode();
  endLeftovers();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'model-slicer-'));
  const data = path.join(folder, 'server');
  const extensions = path.join(folder, 'extensions');
  const log = path.join(folder, 'server.log');
  fs.mkdirSync(path.join(data, 'data', 'User'), { recursive: true });
  fs.mkdirSync(extensions);
  fs.mkdirSync(path.join(folder, 'tmp'));
  fs.writeFileSync(
    path.join(data, 'data', 'User', 'settings.json'),
    JSON.stringify({ ...QUIET, ...settings }, null, 2),
  );

  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(VSCODE_(?!TEST_)|ELECTRON_|CODE_SERVER_)/.test(name),
  );
  const env = {
    ...Object.fromEntries(inherited),
    EXTENSIONS_GALLERY: '{"serviceUrl":""}', // no look-ups in a marketplace
    TMPDIR: path.join(folder, 'tmp'), // its sockets go with the folder
    ...environment,
  };
  const folders = ['--server-data-dir', data, '--extensions-dir', extensions];
  for (const file of vsix) {
    execFileSync(node, [server, '--install-extension', file, '--force', ...folders], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }
  if (extensionFolders.length > 0) {
    const list = path.join(extensions, 'extensions.json');
    const installed = fs.existsSync(list) ? JSON.parse(fs.readFileSync(list, 'utf8')) : [];
    fs.writeFileSync(list, JSON.stringify([...installed, ...extensionFolders.map(installedInPlace)]));
  }
  const chosen = port || (await freePort());
  const output = fs.openSync(log, 'a');
  const args = [
    ...['--host', '127.0.0.1', '--port', String(chosen), '--without-connection-token', '--accept-server-license-terms'],
    ...['--telemetry-level', 'off', '--disable-update-check', '--disable-getting-started-override'],
    ...['--disable-websocket-compression', '--force-disable-user-env'],
    ...(trust ? [] : ['--disable-workspace-trust']),
    ...(smokeTestDriver ? ['--enable-smoke-test-driver'] : []),
    ...folders,
  ];
  // In a process group of its own, to be ended as a whole.
  const child = spawn(node, [server, ...args], { env, stdio: ['ignore', output, output], detached: true });
  const note = path.join(RUNNING, `${process.pid}-${child.pid}.json`);
  fs.mkdirSync(RUNNING, { recursive: true });
  fs.writeFileSync(note, JSON.stringify({ launcher: process.pid, server: child.pid, folder }));

  const end = (signal) => endGroup(child.pid, signal);
  const endNow = () => {
    end('SIGKILL');
    fs.rmSync(note, { force: true });
    removeFolder(folder);
  };
  process.once('exit', endNow);
  const stop = async ({ keep = false } = {}) => {
    process.off('exit', endNow);
    if (child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      end('SIGTERM');
      await Promise.race([gone, delay(3000)]);
    }
    end('SIGKILL');
    fs.closeSync(output);
    fs.rmSync(note, { force: true });
    if (!keep) removeFolder(folder);
  };
  try {
    await untilAnswering(chosen, () => {
      if (child.exitCode === null) return;
      const said = fs.readFileSync(log, 'utf8').slice(-4000);
      throw new Error(`The VS Code server ended with ${child.exitCode}:\n${said}`);
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    port: chosen,
    process: child,
    folder,
    extensions,
    stop,
    remote: `vscode-remote://127.0.0.1:${chosen}`,
    /** The workbench's address for a folder; `payload`: pairs of the web workbench's own options, `openFile` and so on. */
    url: (workspace, payload) => {
      const query = new URLSearchParams({ folder: workspace });
      if (payload) query.set('payload', JSON.stringify(payload));
      return `http://127.0.0.1:${chosen}/?${query}`;
    },
  };
}

/** An entry of VS Code's list of installed extensions for one that stays in its own folder. */
function installedInPlace(folder) {
  const { name, publisher, version } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
  return { identifier: { id: `${publisher}.${name}` }, version, location: { $mid: 1, path: folder, scheme: 'file' } };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function untilAnswering(port, check) {
  const answers = () =>
    new Promise((resolve) => {
      const request = http.get({ host: '127.0.0.1', port, path: '/' }, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      });
      request.on('error', () => resolve(false));
    });
  const deadline = Date.now() + 60_000;
  while (!(await answers())) {
    check();
    if (Date.now() > deadline) throw new Error('The VS Code server did not answer within 60 s.');
    await delay(100);
  }
}

function endGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // gone already
  }
}

function removeFolder(folder) {
  try {
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  } catch (error) {
    console.error(`could not remove ${folder}: ${error.message}`);
  }
}

function endLeftovers() {
  if (!fs.existsSync(RUNNING)) return;
  for (const name of fs.readdirSync(RUNNING)) {
    const note = path.join(RUNNING, name);
    try {
      const { launcher, server, folder } = JSON.parse(fs.readFileSync(note, 'utf8'));
      if (isAlive(launcher)) continue;
      // The pid may belong to another program by now.
      if (commandLine(server).includes('server-main.js')) endGroup(server, 'SIGKILL');
      if (path.basename(folder).startsWith('model-slicer-')) removeFolder(folder);
      fs.rmSync(note, { force: true });
    } catch {
      // being written, or removed by its owner
    }
  }
}

function commandLine(pid) {
  try {
    return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}
