// Builds dist/ (what ships) and, with --tests, out/test/vscode (the suite that runs inside VS Code).
// usage: node esbuild.mjs [PART…] [--production] [--watch] [--tests] [--sizes]
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import vm from 'node:vm';
import * as esbuild from 'esbuild';
import { at, isMain, root } from './scripts/repository.mjs';
import { writeNotices } from './scripts/notices.mjs';

/** esbuild drops `import '@tensorflow/tfjs-backend-cpu'` in Node bundles: `sideEffects` names another file than `main`. */
const keepTfjsSideEffects = {
  name: 'keep-tfjs-side-effects',
  setup(build) {
    build.onResolve({ filter: /^@tensorflow\/tfjs/ }, async ({ path, pluginData, ...options }) => {
      if (pluginData === 'resolving' || /^@tensorflow\/tfjs-node/.test(path)) return undefined;
      const resolved = await build.resolve(path, { ...options, pluginData: 'resolving' });
      return { ...resolved, sideEffects: true };
    });
  },
};

/**
 * h5wasm carries its WebAssembly as 4 MB of text in the script, which every start of the engine would have to read:
 * it goes into a file of its own, which `engine/files/hdf5` loads when an HDF5 file is opened.
 */
const takeHdf5WasmOut = {
  name: 'take-hdf5-wasm-out',
  setup(build) {
    build.onLoad({ filter: /h5wasm[\\/]dist[\\/]esm[\\/]hdf5_util\.js$/ }, async ({ path }) => {
      const source = await fs.promises.readFile(path, 'utf8');
      const [, before = '', literal = '', after = ''] =
        /^(.*?return binaryDecode\()('(?:[^'\\]|\\.)*')(\).*)$/su.exec(source) ?? [];
      const bytes = hdf5Wasm(vm.runInNewContext(literal));
      await fs.promises.mkdir(at('dist/wasm'), { recursive: true });
      await fs.promises.writeFile(at('dist/wasm/hdf5.wasm'), bytes);
      return { contents: `${before}''${after}`.replaceAll('import.meta.url', '""'), loader: 'js' };
    });
  },
};

/** Undoes Emscripten's encoding: a JavaScript string with one character a byte, turned over and moved by one. */
function hdf5Wasm(text = '') {
  const bytes = Uint8Array.from(text, (character) => (~character.charCodeAt(0) >> 8) & character.charCodeAt(0));
  if (!WebAssembly.validate(bytes)) throw new Error('h5wasm no longer holds its WebAssembly as it did');
  return bytes;
}

/**
 * Extension hosts load CommonJS, and esbuild splits only ES modules: splits first, then turns each file into CommonJS.
 * What the entry imports by `await import(…)` stands in files of its own, which activation need not read.
 */
const splitCommonJs = {
  name: 'split-common-js',
  setup(build) {
    const { outdir, minify, target, sourcemap } = build.initialOptions;
    Object.assign(build.initialOptions, {
      format: 'esm',
      splitting: true,
      write: false,
      sourcemap: sourcemap && 'inline',
    });
    build.onStart(() => fs.rmSync(path.join(root, outdir, CHUNKS), { recursive: true, force: true }));
    build.onEnd(async ({ outputFiles }) => {
      for (const { path: file, text } of outputFiles ?? []) {
        const { code, map } = await esbuild.transform(text, {
          format: 'cjs',
          platform: 'node',
          target,
          minify,
          sourcefile: file,
          sourcemap: sourcemap && 'external',
          sourcesContent: false,
          supported: { 'dynamic-import': false },
        });
        await fs.promises.mkdir(path.dirname(file), { recursive: true });
        const name = path.basename(file);
        await fs.promises.writeFile(file, sourcemap ? `${code}//# sourceMappingURL=${name}.map\n` : code);
        if (sourcemap) await fs.promises.writeFile(`${file}.map`, map);
      }
    });
  },
};

/** Where the files that are loaded when needed lie, in `dist`. */
const CHUNKS = 'extension';

/** Each part's bundle is `dist/<name>.js`. */
function parts(production) {
  const common = {
    absWorkingDir: root,
    bundle: true,
    minify: production,
    sourcemap: !production,
    sourcesContent: false,
    metafile: true,
    legalComments: 'none',
    logLevel: 'warning',
    define: { 'process.env.NODE_ENV': production ? '"production"' : '"development"' },
  };
  const node = { ...common, platform: 'node', format: 'cjs', target: 'node20' };
  const tfjsNode = ['@tensorflow/tfjs-node', '@tensorflow/tfjs-node-gpu'];
  return {
    extension: {
      ...node,
      entryPoints: ['src/extension.ts'],
      external: ['vscode'],
      chunkNames: `${CHUNKS}/[name]-[hash]`,
      plugins: [splitCommonJs],
    },
    engine: {
      ...node,
      entryPoints: ['src/engine/main.ts'],
      external: tfjsNode,
      plugins: [keepTfjsSideEffects, takeHdf5WasmOut],
    },
    copyWorker: { ...node, entryPoints: ['src/engine/files/copyWorker.ts'] },
    cli: { ...node, entryPoints: ['src/cli/main.ts'], banner: { js: '#!/usr/bin/env node' } },
    webview: {
      ...common,
      entryPoints: ['webview/main.ts'],
      platform: 'browser',
      format: 'iife',
      target: 'chrome134',
    },
  };
}

/** The suite of test/vscode: one bundle a file, found by their names, so that none can be forgotten. */
function suite() {
  const names = fs.readdirSync(at('test/vscode'), { recursive: true });
  const tests = names.filter((name) => name.endsWith('.test.ts')).map((name) => `test/vscode/${name}`);
  return {
    absWorkingDir: root,
    entryPoints: ['test/vscode/suite/index.ts', ...tests],
    outdir: 'out/test/vscode',
    outbase: 'test/vscode',
    bundle: true,
    packages: 'external',
    external: ['vscode'],
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    sourcemap: 'inline',
    logLevel: 'warning',
  };
}

const COPIES = {
  'node_modules/@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm': 'dist/wasm/tfjs-backend-wasm.wasm',
  'node_modules/@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm':
    'dist/wasm/tfjs-backend-wasm-simd.wasm',
  'node_modules/@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm': 'dist/wasm/mozjpeg_dec.wasm',
  'node_modules/@vscode/codicons/dist/codicon.css': 'dist/codicon.css',
  'node_modules/@vscode/codicons/dist/codicon.ttf': 'dist/codicon.ttf',
};

/** Builds what ships (or the `only` of it). Returns esbuild's metafiles by part; throws after all have been tried. */
export async function build({ production = false, watch = false, only = [] } = {}) {
  if (production) fs.rmSync(at('dist'), { recursive: true, force: true });
  for (const [from, to] of Object.entries(COPIES)) {
    fs.mkdirSync(at(to, '..'), { recursive: true });
    fs.copyFileSync(at(from), at(to));
  }
  const metafiles = {};
  const wanted = Object.entries(parts(production)).filter(([name]) => only.length === 0 || only.includes(name));
  const built = await Promise.allSettled(
    wanted.map(async ([name, options]) => {
      const settings = { ...options, outdir: 'dist', entryNames: name };
      if (watch) await (await esbuild.context({ ...settings, logLevel: 'info' })).watch();
      else metafiles[name] = (await esbuild.build(settings)).metafile;
    }),
  );
  if (metafiles.cli) fs.chmodSync(at('dist/cli.js'), 0o755);
  const failure = built.find(({ status }) => status === 'rejected');
  if (failure) throw failure.reason;
  if (!watch && only.length === 0) writeNotices(metafiles);
  return metafiles;
}

/** Builds the suite that runs inside VS Code. */
export async function buildSuite() {
  fs.rmSync(at('out/test/vscode'), { recursive: true, force: true });
  await esbuild.build(suite());
}

if (isMain(import.meta.url)) {
  const { values, positionals: only } = parseArgs({
    allowPositionals: true,
    options: {
      production: { type: 'boolean', default: false },
      watch: { type: 'boolean', default: false },
      tests: { type: 'boolean', default: false },
      sizes: { type: 'boolean', default: false },
    },
  });
  try {
    const metafiles = await build({ ...values, only });
    if (values.tests) await buildSuite();
    if (values.sizes) {
      for (const [name, metafile] of Object.entries(metafiles)) {
        console.log(`== ${name}\n${await esbuild.analyzeMetafile(metafile)}`);
      }
    }
  } catch (error) {
    if (!error.errors) console.error(error);
    process.exit(1);
  }
}
