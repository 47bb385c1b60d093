import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SlicerError } from '../../../src/core/errors';
import { sentence } from '../../../src/core/messages';
import { inspectModel } from '../../../src/core/model/inspect';
import { openModelFile } from '../../../src/engine/files/openModelFile';
import { keras } from '../../fixtures';
import type { BadCase } from '../../unit/core/formats/openFixture';
import { readManifest } from '../../unit/core/formats/openFixture';

/** What its description says is not in the fixture's file (the weight entry alone was written): made here as described. */
const MADE_HERE = 'tfjs-missing-weight-entry';
const cases = readManifest(keras).bad.cases.filter(({ name }) => name.startsWith('tfjs-') && name !== MADE_HERE);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bad-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Outcome {
  code: string;
  text: string;
  warnings: string[];
}

async function outcome(file: string): Promise<Outcome> {
  try {
    const { model, close } = await openModelFile(file).then((opened) => ({
      model: opened.model,
      close: () => opened.close(),
    }));
    await close();
    const document = inspectModel(model);
    const error = document.problems.find(({ severity }) => severity === 'error');
    const warnings = document.problems.filter(({ severity }) => severity === 'warning').map(({ code }) => code);
    return {
      code: error?.code ?? 'opens',
      text: error?.message ?? document.problems.map(({ message }) => message).join(' '),
      warnings,
    };
  } catch (error) {
    if (!(error instanceof SlicerError)) throw error;
    return { code: error.code, text: sentence(error), warnings: [] };
  }
}

async function fileOf({ open, synthesize }: BadCase): Promise<string> {
  if (!synthesize) return path.join(keras, open ?? '');
  const file = path.join(folder, synthesize.file);
  const { before, open: start, middle, close, times, after } = synthesize;
  await writeFile(file, before + start.repeat(times) + middle + close.repeat(times) + after);
  return file;
}

describe('bad files', () => {
  it.each(cases)('$name: $kind', async (row) => {
    const { code, text, warnings } = await outcome(await fileOf(row));
    // what only reading weights can show opens, and says what will be missing
    const wanted = row.phase === 'weights' ? ['opens'] : [row.kind, row.alternative];
    expect(wanted, text).toContain(code);
    for (const name of row.names) expect(text).toContain(name);
    if (row.warning) expect(warnings).not.toEqual([]);
    // one sentence
    if (code !== 'opens') expect(text).toMatch(/^[^\n]+\.$/);
    expect(text).not.toMatch(/\{[a-z]\w+\}|undefined|\[object/);
  });

  it(`${MADE_HERE}: missing-weight`, async () => {
    const base = path.join(keras, 'bad', 'base', 'tfjs');
    const json = JSON.parse(await readFile(path.join(base, 'model.json'), 'utf8')) as {
      weightsManifest: { weights: { name: string }[] }[];
    };
    for (const group of json.weightsManifest) group.weights = group.weights.filter(({ name }) => name !== 'out/kernel');
    await writeFile(path.join(folder, 'model.json'), JSON.stringify(json));
    await writeFile(
      path.join(folder, 'group1-shard1of1.bin'),
      (await readFile(path.join(base, 'group1-shard1of1.bin'))).subarray(0, 68),
    );
    const { code, text } = await outcome(path.join(folder, 'model.json'));
    expect(code).toBe('missing-weight');
    expect(text).toContain('out/kernel');
  });

  it('leaves every prototype as it was', () => {
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});
