// Installs a real VS Code into .vscode-test: server and web workbench from the npm package `code-server`, with the
// Node it was made for. Needs the npm registry only. Each step leaves a mark: an install that was broken off goes on.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { withLock } from '../folderLock.mjs';
import { at, isMain } from '../repository.mjs';
import { aptInstall, findProgram } from './systemPackages.mjs';

/** Carries VS Code 1.139.1. */
const CODE_SERVER = '4.139.1';
/** What code-server's package.json asks for under `engines`. */
const NODE = '24.21.0';
const REVISION = 1;

/** Returns the paths of `{ node, server, version }`; installs on first use. */
export async function ensureVSCode() {
  if (process.platform === 'win32') throw new Error('The browser-hosted VS Code needs Linux or macOS.');
  const dir = at('.vscode-test', `code-server-${CODE_SERVER}`);
  const nodePackage = `node-${process.platform}-${process.arch}`;
  const vscode = path.join(dir, 'package', 'lib', 'vscode');
  const installed = {
    version: CODE_SERVER,
    node: path.join(dir, 'node', 'node_modules', nodePackage, 'bin', 'node'),
    server: path.join(vscode, 'out', 'server-main.js'),
  };
  const stamp = path.join(dir, `installed-${REVISION}`);
  if (fs.existsSync(stamp)) return installed;
  await withLock(at('.vscode-test', 'install.lock'), () => {
    if (fs.existsSync(stamp)) return;
    install({ dir, vscode, nodePackage, ...installed });
    fs.writeFileSync(stamp, '');
  });
  return installed;
}

function install({ dir, vscode, nodePackage, node, server }) {
  const started = Date.now();
  const env = cleanEnvironment();
  const run = (command, args, cwd, extra = {}) => {
    try {
      execFileSync(command, args, {
        cwd,
        env: { ...env, ...extra },
        stdio: ['ignore', 'ignore', 'pipe'],
        maxBuffer: 1 << 28,
      });
    } catch (error) {
      const said = error.stderr?.toString().trim().slice(-2000) ?? '';
      throw new Error(`Installing VS Code failed at: ${command} ${args.join(' ')}\n${said}`, { cause: error });
    }
  };
  const step = (name, work) => {
    const mark = path.join(dir, `.done-${REVISION}-${name.replaceAll(/\W+/g, '-')}`);
    if (fs.existsSync(mark)) return;
    work();
    fs.writeFileSync(mark, '');
    console.error(`VS Code: ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  };
  fs.mkdirSync(dir, { recursive: true });

  step('server unpacked', () => {
    fs.rmSync(path.join(dir, 'package'), { recursive: true, force: true });
    run('npm', ['pack', `code-server@${CODE_SERVER}`], dir);
    const archive = path.join(dir, `code-server-${CODE_SERVER}.tgz`);
    run('tar', ['xzf', archive], dir);
    fs.rmSync(archive);
  });
  step('its Node', () => {
    const folder = path.join(dir, 'node');
    fs.rmSync(folder, { recursive: true, force: true });
    fs.mkdirSync(folder);
    fs.writeFileSync(path.join(folder, 'package.json'), '{"private":true}');
    run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', `${nodePackage}@${NODE}`], folder);
  });
  const withNode = {
    PATH: `${path.dirname(node)}${path.delimiter}${env.PATH}`,
    npm_config_nodedir: path.dirname(path.dirname(node)),
  };
  step('its packages', () => {
    // Without --legacy-peer-deps npm calls the shrinkwrap of the package out of step with its package.json.
    const args = ['ci', '--legacy-peer-deps', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'];
    run('npm', args, vscode, withNode);
    // Big, and of no use for hosting an extension.
    for (const unneeded of ['node_modules/@github', 'node_modules/@microsoft/mxc-sdk', 'extensions/copilot']) {
      fs.rmSync(path.join(vscode, unneeded), { recursive: true, force: true });
    }
  });
  step('native modules', () => {
    if (!findProgram('g++', 'clang++') || !findProgram('make') || !findProgram('python3')) {
      const problem = aptInstall('g++', 'make', 'python3');
      if (problem) throw new Error(`VS Code's native modules need a C++ compiler, make and python3: ${problem}`);
    }
    // spdlog writes the files of output channels, the watchdog ends orphaned extension hosts.
    const modules = ['@vscode/spdlog', '@vscode/native-watchdog'];
    const present = modules.filter((name) => fs.existsSync(path.join(vscode, 'node_modules', name)));
    run('npm', ['rebuild', ...present], vscode, withNode);
  });
  run(node, [server, '--version'], dir);
}

/** The environment without what an outer `npm run` put there, but for where packages come from. */
function cleanEnvironment() {
  const keep = /^npm_config_(cache|registry|userconfig|globalconfig)$/i;
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_|^INIT_CWD$/i.test(name) || keep.test(name)),
  );
}

if (isMain(import.meta.url)) console.log(JSON.stringify(await ensureVSCode(), null, 2));
