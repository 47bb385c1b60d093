// Checks the types of every part under the tsconfig that says what it may see. usage: node scripts/typecheck.mjs [PART…]
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import { at, isMain, root } from './repository.mjs';

const PARTS = [
  'src/core',
  'src/protocol',
  'src/engine',
  'src/client',
  'src/host',
  'src/cli',
  'webview',
  'test',
  'test/unit/webview',
  'test/webview',
  'test/vscode',
];

/** Returns `[{ part, output }]` of the parts that fail. */
export async function typecheck(parts = PARTS) {
  const waiting = parts.filter((part) => hasSources(part));
  const failures = [];
  const work = async () => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
      const { code, output } = await compile(part);
      if (code !== 0) failures.push({ part, output });
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, os.availableParallelism()) }, work));
  return failures;
}

function hasSources(part) {
  if (!fs.existsSync(at(part, 'tsconfig.json'))) return false;
  return fs.readdirSync(at(part), { recursive: true }).some((name) => name.endsWith('.ts'));
}

function compile(part) {
  return new Promise((resolve) => {
    const cacheFile = at('.cache', 'typecheck', `${part.replaceAll('/', '-')}.tsbuildinfo`);
    const args = [at('node_modules/typescript/bin/tsc'), '-p', part, '--incremental', '--tsBuildInfoFile', cacheFile];
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.on('close', (code) => resolve({ code, output }));
  });
}

if (isMain(import.meta.url)) {
  const failures = await typecheck(process.argv.length > 2 ? process.argv.slice(2) : PARTS);
  for (const { part, output } of failures) console.log(`== ${part}\n${output}`);
  if (failures.length > 0) process.exit(1);
}
