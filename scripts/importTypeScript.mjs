// TypeScript of this repository inside scripts that Node runs as they are: bundled first, then imported.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';
import { at, cache } from './repository.mjs';

/** The module `file` (a path in the repository), for Node. */
export async function importTypeScript(file) {
  return import(pathToFileURL(await bundleTypeScript(file)).href);
}

/** The path of `file` with all that it imports, as Node runs it. */
export async function bundleTypeScript(file) {
  const outfile = path.join(cache, 'typescript', file.replace(/\.ts$/, '.mjs'));
  await esbuild.build({
    entryPoints: [at(file)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    // what the engine has beside it
    define: { __dirname: JSON.stringify(at('dist')) },
    banner: {
      js: "import { createRequire as requireFor } from 'node:module';\nconst require = requireFor(import.meta.url);",
    },
    target: 'node20',
    logLevel: 'error',
  });
  return outfile;
}
