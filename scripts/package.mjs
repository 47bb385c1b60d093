// Makes the VSIX that users install, and says what it consists of. usage: node scripts/package.mjs [--out FILE] [--json]
import './requireNode.mjs';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { at, isMain, root } from './repository.mjs';
import { ensurePackages } from './ensurePackages.mjs';
import { capture } from './stages.mjs';

const LIMIT = 6 * 1024 * 1024;

/** Builds for production and packs. Returns `{ file, bytes, parts: [{ name, bytes }] }`, sizes as packed. */
export async function makePackage(out) {
  const { version, name } = JSON.parse(fs.readFileSync(at('package.json'), 'utf8'));
  const file = path.resolve(out ?? at(`${name}-${version}.vsix`));
  fs.mkdirSync(path.dirname(file), { recursive: true });
  // vsce builds by `vscode:prepublish`, reads .vscodeignore, and would ask about a missing repository.
  const { code, output } = await capture(process.execPath, [
    at('node_modules/@vscode/vsce/vsce'),
    ...[
      'package',
      '--no-dependencies',
      '--allow-missing-repository',
      '--no-rewrite-relative-links',
      '--skip-license',
      '--out',
      file,
    ],
  ]);
  if (code !== 0) throw new Error(`vsce could not make the package:\n${output}`);
  return { file, bytes: fs.statSync(file).size, parts: contents(file) };
}

/** What is inside, by part, as compressed sizes, largest first. */
function contents(file) {
  const parts = new Map();
  for (const { name, bytes } of zipEntries(fs.readFileSync(file))) {
    const inner = name.replace(/^extension\//, '');
    const part = /^(dist\/wasm|dist\/[^/]+|media|l10n)/.exec(inner)?.[1] ?? 'manifest and documents';
    parts.set(part, (parts.get(part) ?? 0) + bytes);
  }
  return [...parts].map(([name, bytes]) => ({ name, bytes })).sort((a, b) => b.bytes - a.bytes);
}

/** Names and compressed sizes from the central directory of a zip file that vsce wrote (no comment, no zip64). */
function zipEntries(zip) {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  const count = zip.readUInt16LE(end + 10);
  const entries = [];
  for (let at = zip.readUInt32LE(end + 16), i = 0; i < count; i++) {
    const nameLength = zip.readUInt16LE(at + 28);
    entries.push({ name: zip.toString('utf8', at + 46, at + 46 + nameLength), bytes: zip.readUInt32LE(at + 20) });
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return entries;
}

if (isMain(import.meta.url)) {
  const { values } = parseArgs({ options: { out: { type: 'string' }, json: { type: 'boolean', default: false } } });
  await ensurePackages();
  try {
    const made = await makePackage(values.out);
    const kilobytes = (bytes) => `${(bytes / 1024).toFixed(0)} KB`.padStart(9);
    if (values.json) console.log(JSON.stringify(made));
    else {
      for (const { name, bytes } of made.parts) console.log(`${kilobytes(bytes)}  ${name}`);
      console.log(`${kilobytes(made.bytes)}  ${path.relative(root, made.file)}`);
    }
    if (made.bytes > LIMIT) throw new Error(`The package is larger than ${LIMIT / 1024 / 1024} MB.`);
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
