// TypeScript of this repository inside scripts that Node runs as they are: bundled first, then imported.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';
import { at, cache } from './repository.mjs';

/** The module `file` (a path in the repository), for Node. */
export async function importTypeScript(file) {
  const outfile = path.join(cache, 'typescript', file.replace(/\.ts$/, '.mjs'));
  await esbuild.build({
    entryPoints: [at(file)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    // what the engine has beside it
    define: { __dirname: JSON.stringify(at('dist')) },
    banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
    target: 'node20',
    logLevel: 'error',
  });
  return import(pathToFileURL(outfile).href);
}
