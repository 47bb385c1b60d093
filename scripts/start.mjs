// Opens a real VS Code with the extension running and a model in its editor: the sample, or the FILE or FOLDER named.
// usage: npm start -- [FILE|FOLDER] [--port N] [--no-open] [--browser|--desktop]
// Static imports of Node's own modules only: a fresh clone has no others.
import './requireNode.mjs';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ensurePackages } from './ensurePackages.mjs';
import { at, cache, root } from './repository.mjs';
import { findProgram } from './vscode/systemPackages.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    port: { type: 'string', default: '0' },
    open: { type: 'boolean', default: true },
    browser: { type: 'boolean', default: false },
    desktop: { type: 'boolean', default: false },
  },
});
const port = Number(options.port);
if (!Number.isInteger(port) || port < 0 || port > 65535)
  fail(`--port takes a number up to 65535, not ${options.port}.`);

const opener = at('scripts', 'vscode', 'opener');
const target = findTarget(positionals[0]);
await ensurePackages();
const { build } = await import('../esbuild.mjs');
await build().catch(() => fail('The build failed.'));

const desktop = options.browser ? null : findDesktop();
if (options.desktop && !desktop) fail('No desktop VS Code (`code` on the PATH) was found.');
await (desktop ? openDesktop(desktop) : openBrowserHosted());

/** The folder to open, and the model file to show; null: VS Code shows the folder alone. */
function findTarget(name) {
  if (name === undefined) {
    // A copy: people may save into it.
    const folder = path.join(cache, 'start', 'workspace');
    fs.cpSync(at('media', 'sample'), folder, { recursive: true });
    return { folder, file: path.join(folder, 'digits-cnn', 'model.json') };
  }
  const found = path.resolve(process.env.INIT_CWD ?? process.cwd(), name);
  if (!fs.existsSync(found)) fail(`${found} does not exist.`);
  if (!fs.statSync(found).isDirectory()) return { folder: path.dirname(found), file: found };
  const models = fs.readdirSync(found).filter((entry) => entry === 'model.json' || /\.(keras|h5|hdf5)$/.test(entry));
  return { folder: found, file: models.length > 0 ? path.join(found, models.sort()[0]) : null };
}

/** What the small extension in `opener` reads: it opens the file in our editor. */
function startEnvironment() {
  if (!target.file) return {};
  const { customEditors } = JSON.parse(fs.readFileSync(at('package.json'), 'utf8')).contributes;
  const byExtension = customEditors.find(({ selector }) =>
    selector.some(({ filenamePattern }) => filenamePattern === `*${path.extname(target.file)}`),
  );
  const view = byExtension?.viewType ?? 'modelSlicer.json';
  return { MODEL_SLICER_START_FILE: target.file, MODEL_SLICER_START_VIEW: view };
}

/** The `code` of a desktop VS Code. The one inside a remote window or WSL cannot run an extension from a folder. */
function findDesktop() {
  if (process.env.VSCODE_IPC_HOOK_CLI || process.env.WSL_DISTRO_NAME) return null;
  if (process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) return null;
  return findProgram(
    'code',
    'code.cmd',
    'code-insiders',
    '/Applications/Visual Studio Code.app/Contents/Resources/app/bin/code',
  );
}

async function openDesktop(code) {
  // A profile of its own: the user's settings stay as they are.
  const profile = path.join(cache, 'start', 'profile');
  fs.mkdirSync(path.join(profile, 'User'), { recursive: true });
  const quiet = { 'workbench.startupEditor': 'none', 'security.workspace.trust.enabled': false };
  fs.writeFileSync(path.join(profile, 'User', 'settings.json'), JSON.stringify(quiet, null, 2));
  const args = [
    ...['--new-window', '--wait', '--extensionDevelopmentPath', root, '--extensionDevelopmentPath', opener],
    ...['--user-data-dir', profile, '--extensions-dir', path.join(cache, 'start', 'extensions')],
    ...['--skip-welcome', '--disable-workspace-trust'],
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    target.folder,
  ];
  console.log('Model Slicer opens in VS Code; this ends when its window is closed.');
  const env = { ...process.env, ...startEnvironment() };
  const child = spawn(code, args, { env, stdio: 'inherit', shell: process.platform === 'win32' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => child.kill(signal));
  process.exitCode = await new Promise((resolve) => child.on('exit', (status) => resolve(status ?? 0)));
}

async function openBrowserHosted() {
  const { startServer } = await import('./vscode/server.mjs');
  const wanted = { port, environment: startEnvironment(), extensionFolders: [root, opener] };
  const server = await startServer(wanted).catch((error) => fail(error.message));
  let ending = false;
  const end = async (code) => {
    if (ending) return;
    ending = true;
    await server.stop();
    process.exit(code);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => void end(0));
  server.process.once('exit', (code) => {
    if (!ending) console.error(`The VS Code server ended (${code}).`);
    void end(1);
  });
  const url = server.url(target.folder);
  console.log(`\nModel Slicer runs in VS Code at\n\n  ${url}\n\nCtrl-C ends it.`);
  if (options.open) openUrl(url);
}

function openUrl(url) {
  const display =
    process.platform !== 'linux' || process.env.DISPLAY || process.env.WAYLAND_DISPLAY || process.env.WSL_DISTRO_NAME;
  const opener =
    (process.env.BROWSER && findProgram(process.env.BROWSER)) ||
    (display ? findProgram('open', 'xdg-open', 'wslview') : null);
  if (!opener) return;
  spawn(opener, [url], { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref();
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
