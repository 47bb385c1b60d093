import { describe, expect, it, vi } from 'vitest';
import { SlicerError } from '../../../../src/core/errors';
import type { RunResult } from '../../../../src/protocol/engine';
import type { DocumentContext, LoadedModel } from '../../../../src/host/editor/documentContext';
import { RunSession } from '../../../../src/host/editor/runSession';
import { fakeVscode } from './fakeVscode';
import { openedFixture } from './openedFixture';

vi.mock('vscode', async () => (await import('./fakeVscode')).fakeVscode);

const result: RunResult = {
  runId: 1,
  epoch: 1,
  backend: 'wasm',
  fallbacks: [],
  inputs: [],
  predictMs: 1,
  layersMs: 1,
  outputs: [],
  activations: [],
  firstNonFinite: null,
  attributes: [],
};

/** A session whose engine answers a run at once, or refuses it as the test says. */
async function session(fixture = 'tutorial-convnet') {
  const asked: (string[] | undefined)[] = [];
  const held: { loaded: LoadedModel; refuse: SlicerError | null } = { loaded: openedFixture(fixture), refuse: null };
  const context = {
    uri: fakeVscode.Uri.parse('untitled:model.json'),
    engine: {
      request: (method: string, { inner }: { inner?: string[] }) => {
        if (method !== 'run') return Promise.resolve({ inputs: [] });
        asked.push(inner);
        return held.refuse ? Promise.reject(held.refuse) : Promise.resolve(result);
      },
    },
    log: { warn: () => undefined },
    loaded: () => held.loaded,
    preferences: () => ({ backend: 'auto', verifyAutomatically: false, colorMap: 'auto', customLayers: [] }),
    publish: () => undefined,
    inTurn: (_signal: AbortSignal, task: () => Promise<unknown>) => task(),
    persist: () => undefined,
  } as unknown as DocumentContext;
  const run = new RunSession(context, () => undefined);
  await run.modelChanged(held.loaded.model);
  const conv = held.loaded.rows.layers.find(({ class: name }) => name === 'Conv2D')?.address ?? '';
  return { run, asked, held, conv };
}

describe('tensors inside layers', () => {
  it('are computed by the run that asks for them and by those after it', async () => {
    const { run, asked, conv } = await session();
    await run.start();
    await run.startWithInner(`${conv}@pre`);
    await run.startWithInner(`${conv}@pre`);
    await run.start();
    expect(asked).toEqual([undefined, [`${conv}@pre`], [`${conv}@pre`], [`${conv}@pre`]]);
  });

  it('of which there are none are refused, and nothing runs', async () => {
    const { run, asked, conv } = await session();
    await expect(run.startWithInner(`${conv}@nothing`)).rejects.toThrow(SlicerError);
    expect(asked).toEqual([]);
  });

  it('that run anyway are not asked for', async () => {
    const { run, asked, conv } = await session();
    await run.startWithInner(conv);
    expect(asked).toEqual([undefined]);
  });

  it('are forgotten when they cannot be computed, and kept when the run is cancelled', async () => {
    const { run, asked, held, conv } = await session();
    held.refuse = new SlicerError('not-runnable');
    await expect(run.startWithInner(`${conv}@pre`)).rejects.toThrow(SlicerError);
    held.refuse = new SlicerError('cancelled');
    await expect(run.startWithInner(`${conv}@pre`)).rejects.toThrow(SlicerError);
    held.refuse = null;
    await run.start();
    expect(asked).toEqual([[`${conv}@pre`], [`${conv}@pre`], [`${conv}@pre`]]);
    held.refuse = new SlicerError('not-runnable');
    await expect(run.startWithInner(`${conv}@pre`)).rejects.toThrow(SlicerError);
    held.refuse = null;
    await run.start();
    // It had been computed before: what failed now is something else.
    expect(asked.at(-1)).toEqual([`${conv}@pre`]);
  });

  it('go with the layer when the file changes', async () => {
    const { run, asked, held, conv } = await session();
    await run.startWithInner(`${conv}@pre`);
    held.loaded = openedFixture('tutorial-convnet');
    await run.modelChanged(held.loaded.model);
    await run.start();
    held.loaded = openedFixture('residual-block');
    await run.modelChanged(held.loaded.model);
    await run.start();
    expect(asked).toEqual([[`${conv}@pre`], [`${conv}@pre`], undefined]);
  });
});
