/** Laws of graph slices on random graphs; plain TF.js computes what is compared. */
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { planCut } from '../../../../src/core/slicing/sliceModel';
import {
  constant,
  floatInput,
  graphFile,
  node,
  readPlain,
  reopened,
  runPlain,
  sliceGraph,
  split,
  type GraphFile,
  type GraphNode,
} from './handmadeGraph';

beforeAll(async () => {
  await tf.setBackend('cpu');
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});

interface RandomGraph {
  file: GraphFile;
  feeds: Record<string, tf.Tensor>;
  /** Addresses of all tensors but constants. */
  tensors: string[];
}

/** Operations on tensors of one shape; a split is made whole again in the next operation that reads its half. */
const step = fc.record({
  kind: fc.constantFrom('Neg', 'Abs', 'Relu', 'Square', 'AddV2', 'Mul', 'Maximum', 'bias', 'Split', 'waiting'),
  a: fc.nat(1000),
  b: fc.nat(1000),
});
const recipe = fc.record({
  inputs: fc.integer({ min: 1, max: 3 }),
  steps: fc.array(step, { minLength: 2, maxLength: 14 }),
  outputs: fc.array(fc.nat(1000), { minLength: 1, maxLength: 3 }),
});

function build({ inputs, steps, outputs }: typeof recipe extends fc.Arbitrary<infer T> ? T : never): RandomGraph {
  const nodes: GraphNode[] = [];
  const weights: Record<string, { shape: number[]; values: number[] } | { shape: number[]; whole: number[] }> = {};
  const tensors: string[] = [];
  for (let i = 0; i < inputs; i++) {
    nodes.push(floatInput(`in_${i}`, [2, 4]));
    tensors.push(`in_${i}`);
  }
  steps.forEach(({ kind, a, b }, i) => {
    const name = `n${i}/${kind}`;
    const [x, y] = [tensors[a % tensors.length] ?? '', tensors[b % tensors.length] ?? ''];
    if (kind === 'Split') {
      weights[`${name}/axis`] = { shape: [], whole: [0] };
      nodes.push(constant(`${name}/axis`, 'DT_INT32'), split(name, x));
      // halves of one row each: added to something of two rows they are spread over it
      nodes.push(node('AddV2', `${name}/a`, name, y), node('Mul', `${name}/b`, `${name}:1`, y));
      tensors.push(`${name}/a`, `${name}/b`);
    } else if (kind === 'bias') {
      weights[`${name}/w`] = { shape: [4], values: [a % 7, -1, 0.5, b % 5] };
      nodes.push(constant(`${name}/w`), node('AddV2', name, `${name}/w`, x));
      tensors.push(name);
    } else if (kind === 'waiting') {
      nodes.push(node('Neg', name, x, `^${y.replace(/:\d$/, '')}`));
      tensors.push(name);
    } else {
      nodes.push(['AddV2', 'Mul', 'Maximum'].includes(kind) ? node(kind, name, x, y) : node(kind, name, x));
      tensors.push(name);
    }
  });
  // an output that is an input is what plain TF.js itself cannot hand out
  const made = tensors.slice(inputs);
  const picked = [...new Set(outputs.map((pick) => made[pick % made.length] ?? ''))];
  const signature = {
    inputs: Object.fromEntries(Array.from({ length: inputs }, (_, i) => [`key_${i}`, `in_${i}:0`])),
    outputs: Object.fromEntries(picked.map((name, i) => [`out_${i}`, `${name}:0`])),
  };
  const file = graphFile({ nodes, weights, signature });
  const feeds = Object.fromEntries(
    Array.from({ length: inputs }, (_, i) => [
      `key_${i}`,
      tf.tensor2d(
        Array.from({ length: 8 }, (_v, j) => Math.sin(i * 8 + j)),
        [2, 4],
      ),
    ]),
  );
  const halves = nodes.filter(({ op }) => op === 'Split').flatMap(({ name }) => [name, `${name}:1`]);
  return { file, feeds, tensors: [...tensors, ...halves] };
}

const escaped = (name: string): string => name.replaceAll('/', '\\/');
const values = (tensors: tf.Tensor[]): number[][] => tensors.map((tensor) => Array.from(tensor.dataSync()));
const runs = { numRuns: 60 };

/** The values of tensors of the model, by address. */
async function valuesAt({ file, feeds, tensors }: RandomGraph): Promise<Map<string, tf.Tensor>> {
  const found = await readPlain(file, feeds, tensors);
  return new Map(tensors.map((name, i) => [escaped(name), found[i] as tf.Tensor]));
}

describe('random graphs', () => {
  test('every tensor can be cut out, and several in the order asked for', async () => {
    await fc.assert(
      fc.asyncProperty(recipe, fc.array(fc.nat(1000), { minLength: 1, maxLength: 4 }), async (item, picks) => {
        const graph = build(item);
        const all = await valuesAt(graph);
        const outputs = [...new Set(picks.map((pick) => escaped(graph.tensors[pick % graph.tensors.length] ?? '')))];
        const slice = sliceGraph(graph.file.model, { outputs });
        expect(slice.plan.outputs.map(({ address }) => address)).toEqual(outputs);
        const needed = Object.fromEntries(slice.plan.inputs.map(({ name }) => [name, graph.feeds[name] as tf.Tensor]));
        const expected = values(outputs.map((address) => all.get(address) as tf.Tensor));
        expect(await runPlain(reopened(slice, graph.file), needed)).toEqual(expected);
      }),
      runs,
    );
  });

  test('suffix after prefix is the whole; what is missing closes the cut, and so does each suggestion', async () => {
    await fc.assert(
      fc.asyncProperty(recipe, fc.nat(1000), async (item, pick) => {
        const graph = build(item);
        const { file, feeds, tensors } = graph;
        const start = escaped(tensors[pick % tensors.length] ?? '');
        const first = planCut(file.model, { outputs: [], inputs: [start] });
        const cuts = first.boundary.closed ? [[start]] : first.boundary.suggestions.map(({ inputs }) => inputs);
        const whole = await runPlain(file, feeds);
        for (const inputs of cuts) {
          const suffix = sliceGraph(file.model, { inputs });
          const handed = suffix.plan.inputs.map(({ address }) => address);
          const prefix = reopened(sliceGraph(file.model, { outputs: handed }), file);
          const given = Object.fromEntries(
            prefix.model.graph.inputs.map(({ name }) => [name, feeds[name] as tf.Tensor]),
          );
          const middle = await runPlain(prefix, given);
          const all = await valuesAt(graph);
          const fed = Object.fromEntries(
            suffix.plan.inputs.map(({ name, address }, i) => [
              name,
              tf.tensor(middle[i] as number[], all.get(address)?.shape),
            ]),
          );
          expect(await runPlain(reopened(suffix, file), fed)).toEqual(whole);
        }
      }),
      runs,
    );
  });

  test('a slice of a slice is the slice; the same cut gives the same text; the model stays as it was', () => {
    fc.assert(
      fc.property(recipe, fc.nat(1000), (item, pick) => {
        const { file, tensors } = build(item);
        const before = JSON.stringify(file.model);
        const output = escaped(tensors[pick % tensors.length] ?? '');
        const outer = reopened(
          sliceGraph(file.model, { outputs: [output, ...tensors.slice(0, 3).map(escaped)] }),
          file,
        );
        const kept = outer.model.graph.layers.some(({ name }) => escaped(name) === output.replace(/:1$/, ''));
        const direct = sliceGraph(file.model, { outputs: [output] });
        // a tensor that got a node of its own has another name there
        if (kept && direct.plan.notes.length === 0)
          expect(sliceGraph(outer.model, { outputs: [output] }).modelTopology).toEqual(direct.modelTopology);
        const again = reopened(direct, file);
        const whole = sliceGraph(again.model, {});
        expect([whole.modelTopology, whole.signature]).toEqual([direct.modelTopology, direct.signature]);
        expect(reopened(whole, again).bytes).toEqual(again.bytes);
        expect(JSON.stringify(sliceGraph(file.model, { outputs: [output] }))).toBe(JSON.stringify(direct));
        expect(JSON.stringify(file.model)).toBe(before);
      }),
      runs,
    );
  });
});
