/** Malformed `.h5` and `.keras`, and valid ones that look odd: what the manifest says of each. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { SlicerError } from '../../../src/core/errors';
import { sentence } from '../../../src/core/messages';
import { openModelFile } from '../../../src/engine/files/openModelFile';
import { keras } from '../../fixtures';

interface BadCase {
  name: string;
  open: string;
  kind: string;
  alternative?: string;
  names: string[];
  warning?: string;
}

const { bad } = JSON.parse(readFileSync(path.join(keras, 'manifest.json'), 'utf8')) as { bad: { cases: BadCase[] } };
const cases = bad.cases.filter(({ name, open }) => /^(h5|keras)-/.test(name) && existsSync(path.join(keras, open)));

test('there are files to look at', () => {
  expect(cases.length).toBeGreaterThan(60);
});

test.each(cases)('$name: $kind', async ({ open, kind, alternative, names, warning }) => {
  const seen = await outcome(path.join(keras, open));
  expect([kind, alternative]).toContain(seen.code);
  if (seen.code === kind && kind !== 'opens') for (const name of names) expect(seen.text).toContain(name);
  if (seen.code === 'opens' && warning !== undefined) expect(seen.listed).toBeGreaterThan(0);
});

/** The code and everything that is said; `opens` where nothing keeps the model from being used. */
async function outcome(file: string): Promise<{ code: string; text: string; listed: number }> {
  try {
    const opened = await openModelFile(file);
    const { problems, repairs, weightEntries } = opened.model;
    const fatal = problems.find(({ severity }) => severity === 'error');
    try {
      if (!fatal) for (const entry of weightEntries) await opened.readWeight(entry);
    } finally {
      await opened.close();
    }
    const text = problems.map((problem) => sentence(problem)).join('\n');
    return { code: fatal?.code ?? 'opens', text, listed: problems.length + repairs.length };
  } catch (error) {
    if (!(error instanceof SlicerError)) throw error;
    return { code: error.code, text: sentence(error), listed: 0 };
  }
}
