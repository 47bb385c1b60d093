import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = path.resolve(__dirname, '../..');

/** A file of its own house, what it imports, and the rule that this breaks; null: allowed. */
const imports: [file: string, imported: string, rule: string | null][] = [
  ['src/core/a1.ts', 'node:fs', 'core-without-node'],
  ['src/core/a2.ts', 'vscode', 'core-libraries'],
  ['src/core/a3.ts', '@tensorflow/tfjs-core', 'core-libraries'],
  ['src/core/a4.ts', '../protocol/target', 'core-imports-of-ours'],
  ['src/core/a5.ts', 'code-block-writer', null],
  ['src/protocol/a1.ts', '../core/target', null],
  ['src/protocol/a2.ts', '../engine/target', 'protocol-imports-of-ours'],
  ['src/protocol/a3.ts', 'node:path', 'protocol-without-node'],
  ['src/engine/a1.ts', '../host/target', 'engine-imports-of-ours'],
  ['src/engine/a2.ts', '../client/target', 'engine-imports-of-ours'],
  ['src/engine/a3.ts', 'vscode', 'engine-libraries'],
  ['src/engine/a4.ts', '@tensorflow/tfjs-layers', null],
  ['src/engine/a5.ts', 'node:fs', null],
  ['src/client/a1.ts', '../engine/target', 'client-imports-of-ours'],
  ['src/client/a2.ts', '@tensorflow/tfjs-core', 'client-libraries'],
  ['src/client/a3.ts', 'node:child_process', null],
  ['src/host/a1.ts', '../engine/target', 'host-imports-of-ours'],
  ['src/host/a2.ts', '../../webview/target', 'host-imports-of-ours'],
  ['src/host/a3.ts', '../cli/target', 'host-imports-of-ours'],
  ['src/host/a4.ts', 'vscode', null],
  ['src/host/a5.ts', '../client/target', null],
  ['src/cli/a1.ts', '../host/target', 'cli-imports-of-ours'],
  ['src/cli/a2.ts', 'vscode', 'cli-libraries'],
  ['src/cli/a3.ts', '../client/target', null],
  ['webview/a1.ts', '../src/host/target', 'webview-imports-of-ours'],
  ['webview/a2.ts', '../src/engine/target', 'webview-imports-of-ours'],
  ['webview/a3.ts', 'node:path', 'webview-without-node'],
  ['webview/a4.ts', '@vscode/webview-ui-toolkit', 'webview-libraries'],
  ['webview/a5.ts', '../src/core/target', null],
  ['webview/a6.ts', 'lit', null],
  ['webview/ui/a1.ts', '@vscode/webview-ui-toolkit', null],
  ['webview/ui/a2.ts', 'vscode', 'toolkit-behind-ui'],
];

describe('who may import what', () => {
  let house: string;
  let violations: { from: string; rule: { name: string } }[];

  beforeAll(() => {
    house = mkdtempSync(path.join(tmpdir(), 'model-slicer-house-'));
    for (const part of ['src/core', 'src/protocol', 'src/engine', 'src/client', 'src/host', 'src/cli', 'webview/ui']) {
      mkdirSync(path.join(house, part), { recursive: true });
      writeFileSync(path.join(house, part, 'target.ts'), 'export const target = 1;\n');
    }
    writeFileSync(path.join(house, 'webview/target.ts'), 'export const target = 1;\n');
    for (const [file, imported] of imports) writeFileSync(path.join(house, file), `import '${imported}';\n`);
    const program = path.join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
    const rules = path.join(root, '.dependency-cruiser.cjs');
    const args = [program, 'src', 'webview', '--config', rules, '--no-cache', '--output-type', 'json'];
    let output: string;
    try {
      output = execFileSync(process.execPath, args, { cwd: house, encoding: 'utf8', maxBuffer: 1 << 26 });
    } catch (error) {
      // It ends with the number of breaches as its exit code.
      output = (error as { stdout: string }).stdout;
    }
    violations = (JSON.parse(output) as { summary: { violations: typeof violations } }).summary.violations;
  });
  afterAll(() => rmSync(house, { recursive: true, force: true }));

  // Libraries are not installed in that house: `resolvable` complains of all of them alike.
  it.each(imports)('%s imports %s: %s', (file, _imported, rule) => {
    const broken = violations.filter(({ from }) => from === file).map((violation) => violation.rule.name);
    expect(broken.filter((name) => name !== 'resolvable')).toEqual(rule === null ? [] : [rule]);
  });
});

describe('what activation loads', () => {
  it('is none of what reads, cuts, composes or writes code: commands and editors import that when they need it', async () => {
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: ['src/extension.ts'],
      external: ['vscode'],
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      outdir: 'dist',
      metafile: true,
      write: false,
    });
    const files = new Set<string>();
    const load = (output: string): void => {
      const { inputs, imports: imported } = metafile.outputs[output] ?? { inputs: {}, imports: [] };
      for (const [file, { bytesInOutput }] of Object.entries(inputs)) if (bytesInOutput > 0) files.add(file);
      for (const { path: chunk, kind } of imported) if (kind === 'import-statement') load(chunk);
    };
    load('dist/extension.js');
    expect([...files]).toContain('src/extension.ts');
    expect(
      [...files].filter((file) => /^(node_modules|src\/core\/(codegen|composing|layers|slicing))\//.test(file)),
    ).toEqual([]);
  });
});
