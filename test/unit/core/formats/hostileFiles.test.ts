import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlicerError } from '../../../../src/core/errors';
import { openParsed, parseModelJson } from '../../../../src/core/formats/openModelJson';
import { sentence } from '../../../../src/core/messages';
import { inspectModel } from '../../../../src/core/model/inspect';
import { summaryTable } from '../../../../src/core/model/summary';
import { expandCalls } from '../../../../src/core/model/traversal';
import { keras } from '../../../fixtures';

const bases = [
  'bad/base/tfjs',
  'nested-multi-io/tfjs-keras3',
  'nested-sequential/tfjs-keras2-h5',
  'ops-as-layers/tfjs-keras2-h5',
  'bidirectional/tfjs-keras3',
  'dict-inputs/tfjs-keras3',
  'text-lstm/tfjs-graph-keras2',
].map((name) => ({ name, text: readFileSync(path.join(keras, name, 'model.json'), 'utf8') }));

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Every place in a document, as the container and the key. */
function places(root: Json): [Json[] | { [key: string]: Json }, string | number][] {
  const found: [Json[] | { [key: string]: Json }, string | number][] = [];
  const pending: Json[] = [root];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (value === null || typeof value !== 'object') continue;
    for (const key of Object.keys(value)) {
      found.push([value, key]);
      pending.push((value as { [key: string]: Json })[key] ?? null);
    }
  }
  return found;
}

const oddities = fc.constantFrom<Json>(
  null,
  true,
  -1,
  0,
  1,
  1.5,
  1e300,
  '',
  'x',
  '__proto__',
  'toString',
  [],
  [[]],
  {},
  ['x', 0, 0],
  [['x', 7, 0]],
  [null],
  { class_name: 'Dense' },
  { class_name: '__keras_tensor__', config: { keras_history: ['x', 0, 0] } },
  4_294_967_296,
  'Sequential',
  'InputLayer',
  'Functional',
  ['hidden', 0, 1e9],
);

describe('files of any content', () => {
  it.each(bases)('$name with anything exchanged opens or is refused with a sentence', ({ text }) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), oddities, fc.boolean()), { minLength: 1, maxLength: 4 }), (changes) => {
        const json = JSON.parse(text) as Json;
        for (const [at, value, remove] of changes) {
          const all = places(json);
          const [container, key] = all[at % all.length] ?? [];
          if (container === undefined || key === undefined) continue;
          if (remove && Array.isArray(container)) container.splice(Number(key), 1);
          else if (remove) delete (container as { [key: string]: Json })[key];
          else (container as { [key: string]: Json })[key] = structuredClone(value);
        }
        try {
          const parsed = parseModelJson(new TextEncoder().encode(JSON.stringify(json)), 'model.json');
          const model = openParsed(
            parsed,
            parsed.shardPaths.map((shard, i) => ({ path: shard, size: i % 2 ? null : 100 })),
          );
          const document = inspectModel(structuredClone(model));
          expect(summaryTable(document)).toContain('Total params');
          for (const { inputs } of expandCalls(model.graph)) expect(inputs).not.toContain(undefined);
          for (const { message } of [...document.problems, ...document.repairs])
            expect(message).not.toMatch(/undefined|\[object|\{[a-z]\w*\}/);
        } catch (error) {
          if (!(error instanceof SlicerError)) throw error;
          expect(sentence(error)).not.toMatch(/undefined|\[object|\{[a-z]\w*\}/);
        }
      }),
      { numRuns: 120 },
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});
