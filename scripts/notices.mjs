// dist/THIRD_PARTY_NOTICES.txt: whose code is in the bundles, under which licence.
import fs from 'node:fs';
import path from 'node:path';
import { at } from './repository.mjs';

const COPIED = ['@jsquash/jpeg', '@tensorflow/tfjs-backend-wasm', '@vscode/codicons'];
const LICENCE_FILE = /^(licen[cs]e|copying|notice)([-._].*)?$/i;

/** The npm packages whose files went into bundles described by esbuild's `metafiles`, with their folders. */
export function bundledPackages(metafiles) {
  const found = new Map(COPIED.map((name) => [name, `node_modules/${name}`]));
  for (const metafile of Object.values(metafiles)) {
    for (const output of Object.values(metafile.outputs)) {
      for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
        const match = bytesInOutput > 0 ? /^(.*node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(input) : null;
        if (match?.[1] && match[2]) found.set(match[2], match[1]);
      }
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, folder]) => ({ name, folder }));
}

/** Writes the notices of what `metafiles` bundle. */
export function writeNotices(metafiles) {
  const sections = bundledPackages(metafiles).map(({ name, folder }) => {
    const { version, license, homepage } = JSON.parse(fs.readFileSync(at(folder, 'package.json'), 'utf8'));
    const files = fs
      .readdirSync(at(folder))
      .filter((file) => LICENCE_FILE.test(file) && fs.statSync(at(folder, file)).isFile());
    const texts = files.map((file) => fs.readFileSync(at(folder, file), 'utf8').trim());
    const head = `${name} ${version}\nLicence: ${license ?? 'see below'}${homepage ? `\n${homepage}` : ''}`;
    return [head, ...texts].join('\n\n');
  });
  const intro = 'Model Slicer contains code of the following packages.';
  const rule = `\n\n${'-'.repeat(100)}\n\n`;
  fs.mkdirSync(at('dist'), { recursive: true });
  fs.writeFileSync(path.join(at('dist'), 'THIRD_PARTY_NOTICES.txt'), `${[intro, ...sections].join(rule)}\n`);
}
