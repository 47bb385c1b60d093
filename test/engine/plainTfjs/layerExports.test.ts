/** Every layer of the coverage files, saved as a layers-model: plain TF.js gives Keras's numbers, or it is not saved. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { writeExportTasks } from '../../conformance/layerCoverage.mjs';
import { checkExports } from '../../conformance/layerExports';
import { keras } from '../../fixtures';

const temporary = mkdtempSync(path.join(tmpdir(), 'slicer-exports-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

test.each(['layer-coverage.json', 'layer-coverage-keras2.json'])(
  '%s',
  async (name) => {
    const file = JSON.parse(readFileSync(path.join(keras, name), 'utf8')) as { keras: string; cases: unknown[] };
    const folder = path.join(temporary, name);
    const tasks = writeExportTasks(folder, file);
    const rows = await checkExports(tasks, path.join(__dirname, 'loadSaved.mjs'), folder);
    expect(rows.filter(({ wrong }) => wrong.length > 0)).toEqual([]);
    // neither everything nor nothing is saved
    expect(rows.filter(({ right }) => right).length).toBeGreaterThan(0.3 * rows.length);
    expect(rows.every(({ declared }) => declared === null || declared.length > 5)).toBe(true);
  },
  300_000,
);
