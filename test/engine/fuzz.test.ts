/** What the fuzzer found before, and some hundred new cases: each ends with a result or an error that has a code. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Fuzzer, seeds } from '../../scripts/fuzz.mjs';
import type { FuzzCase } from '../fuzz/mutations';

const cases = path.resolve(__dirname, '../fuzz/cases');
const NEW = 200;

let fuzzer: Fuzzer;
beforeAll(async () => {
  fuzzer = await Fuzzer.create();
});
afterAll(() => fuzzer.stop());

test.each(readdirSync(cases))(
  '%s',
  async (name) => {
    const found = JSON.parse(readFileSync(path.join(cases, name), 'utf8')) as FuzzCase;
    expect((await fuzzer.run(found)).wrong).toBeNull();
  },
  120_000,
);

test(`${NEW} cases of every format`, async () => {
  const all = seeds();
  for (let number = 1; number <= NEW; number++) {
    const made = fuzzer.make(number, all);
    const { wrong } = await fuzzer.run(made);
    expect(wrong, `--seed ${number}: ${JSON.stringify(made)}`).toBeNull();
  }
}, 300_000);
