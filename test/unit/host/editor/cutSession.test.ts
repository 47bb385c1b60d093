import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { InputSpec, VerifyResult } from '../../../../src/protocol/engine';
import { SlicerError } from '../../../../src/core/errors';
import { CutSession } from '../../../../src/host/editor/cutSession';
import type { DocumentContext, LoadedModel } from '../../../../src/host/editor/documentContext';
import type { Preferences } from '../../../../src/host/preferences';
import { openedFixture } from './openedFixture';

vi.mock('vscode', async () => (await import('./fakeVscode')).fakeVscode);

interface Asked {
  params: { cut: { outputs: string[]; inputs: string[] }; data: InputSpec[][]; slicePath?: string };
  options: { signal: AbortSignal; onProgress: (progress: { done: number; total: number; at: string }) => void };
  resolve: (result: VerifyResult) => void;
  reject: (error: unknown) => void;
}

const noise: InputSpec[] = [{ input: 'image', source: { kind: 'random', seed: 7 } }];
const result: VerifyResult = {
  backend: 'wasm',
  outputs: [{ address: 'add1', maxAbsDiff: 0, equal: true }],
  wholeFromParts: { maxAbsDiff: 0 },
  nonFinite: { slice: 0, original: 0 },
  weak: false,
  passed: true,
  data: [],
  sourceMatches: null,
};

/** A session with an engine that answers when the test says so. */
function session(preferences: Partial<Preferences> = {}) {
  const asked: Asked[] = [];
  const warned: string[] = [];
  const held: { loaded: LoadedModel | null; inputs: InputSpec[]; saved: number } = {
    loaded: openedFixture('residual-block'),
    inputs: noise,
    saved: 0,
  };
  const context = {
    engine: {
      request: (_method: string, params: Asked['params'], options: Asked['options']) =>
        new Promise<VerifyResult>((resolve, reject) => {
          asked.push({ params, options, resolve, reject });
          options.signal.addEventListener('abort', () => reject(new SlicerError('cancelled')));
        }),
    },
    log: { warn: (text: string) => warned.push(text) },
    loaded: () => held.loaded,
    preferences: () => ({
      backend: 'auto',
      verifyAutomatically: true,
      colorMap: 'auto',
      customLayers: [],
      ...preferences,
    }),
    publish: () => undefined,
    inTurn: (_signal: AbortSignal, task: () => Promise<VerifyResult>) => task(),
    persist: () => void (held.saved += 1),
  } as unknown as DocumentContext;
  const cut = new CutSession(context, () => held.inputs);
  return { cut, asked, warned, held };
}

const marks = ({ cut }: ReturnType<typeof session>): string[] =>
  cut.state.marks.map(({ kind, address, stale }) => `${kind} ${address}${stale ? ' stale' : ''}`);

/** Past the pause in which more marks are waited for. */
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(1000);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('marks', () => {
  it('a start makes inputs of what its layer reads, and stays a start', () => {
    const opened = session();
    opened.cut.toggle(['add1'], 'output');
    opened.cut.toggle(['conv1'], 'start');
    expect(opened.cut.cut).toEqual({ outputs: ['add1'], inputs: ['relu1'] });
    expect(opened.cut.state.plan?.boundary.missing).toMatchObject([{ address: 'stem', neededBy: ['add1'] }]);
    opened.cut.toggle(['stem'], 'input');
    expect(opened.cut.cut).toEqual({ outputs: ['add1'], inputs: ['relu1', 'stem'] });
    expect(opened.cut.state.plan?.boundary.closed).toBe(true);
    expect(marks(opened)).toEqual(['output add1', 'start conv1', 'input stem']);
  });

  it('one row can be output and start at once', () => {
    const opened = session();
    opened.cut.toggle(['pad'], 'start');
    opened.cut.toggle(['pad'], 'output');
    expect(opened.cut.cut).toEqual({ outputs: ['pad'], inputs: ['add1'] });
    expect(opened.cut.state.plan?.layers).toEqual(['pad']);
  });

  it('two starts that read the same tensor need it once', () => {
    const opened = session();
    opened.cut.toggle(['pad', 'projection'], 'start');
    expect(opened.cut.cut).toEqual({ outputs: [], inputs: ['add1'] });
    expect(opened.cut.state.plan?.boundary.closed).toBe(true);
  });

  it('a start that is said of an output is that of its layer', () => {
    const opened = session();
    opened.cut.toggle(['keras[4]'], 'start');
    expect(marks(opened)).toEqual(['start conv1']);
  });

  it('adds all that is missing in one step, and says so when nothing is', () => {
    const opened = session();
    opened.cut.toggle(['add2'], 'output');
    opened.cut.toggle(['conv1'], 'start');
    opened.cut.addMissing();
    expect(marks(opened)).toEqual(['output add2', 'start conv1', 'input stem']);
    expect(opened.cut.state.plan?.boundary.closed).toBe(true);
    expect(() => opened.cut.addMissing()).toThrow(SlicerError);
    opened.cut.undo();
    expect(marks(opened)).toEqual(['output add2', 'start conv1']);
  });

  it('replaces starts and inputs by other inputs in one step', () => {
    const opened = session();
    opened.cut.toggle(['add2'], 'output');
    opened.cut.toggle(['conv1'], 'start');
    opened.cut.setInputs(['add1']);
    expect(marks(opened)).toEqual(['output add2', 'input add1']);
    opened.cut.undo();
    expect(marks(opened)).toEqual(['output add2', 'start conv1']);
  });

  it('cuts before a layer: its inputs are the outputs', () => {
    const opened = session();
    opened.cut.toggle(['head'], 'output');
    opened.cut.setOutputsBefore(['add1']);
    expect(marks(opened)).toEqual(['output stem', 'output bn2']);
    opened.cut.undo();
    expect(marks(opened)).toEqual(['output head']);
  });

  it('marks nothing when one of the addresses is unknown', () => {
    const opened = session();
    expect(() => opened.cut.toggle(['add1', 'gone'], 'start')).toThrow(SlicerError);
    expect(() => opened.cut.setInputs(['gone'])).toThrow(SlicerError);
    expect([marks(opened), opened.cut.state.canUndo, opened.held.saved]).toEqual([[], false, 0]);
  });

  it('turn stale, each by its own measure, when the file changes, and fit again when it is changed back', () => {
    const opened = session();
    const before = opened.held.loaded;
    opened.cut.toggle(['add1'], 'output');
    opened.cut.toggle(['relu1'], 'start');
    opened.cut.toggle(['stem'], 'input');
    opened.held.loaded = openedFixture('residual-block', (json) => json.replaceAll('"bn1"', '"norm"'));
    opened.cut.modelChanged();
    // relu1 reads norm now, which has the same shape
    expect(marks(opened)).toEqual(['output add1', 'start relu1', 'input stem']);
    expect(opened.cut.cut?.inputs).toEqual(['norm', 'stem']);
    opened.held.loaded = openedFixture('residual-block', (json) => json.replaceAll('"relu1"', '"act"'));
    opened.cut.modelChanged();
    expect(marks(opened)).toEqual(['output add1', 'start relu1 stale', 'input stem']);
    expect(opened.cut.cut).toEqual({ outputs: ['add1'], inputs: ['stem'] });
    opened.held.loaded = before;
    opened.cut.modelChanged();
    expect(marks(opened)).toEqual(['output add1', 'start relu1', 'input stem']);
  });
});

describe('the proof that runs by itself', () => {
  it('is made once for several marks, with the input of the editor, and its result stays with the slice', async () => {
    const opened = session();
    opened.cut.toggle(['stem'], 'output');
    opened.cut.toggle(['add1'], 'output');
    await settle();
    expect(opened.asked.map(({ params }) => params)).toEqual([
      { cut: { outputs: ['stem', 'add1'], inputs: [] }, data: [noise], tolerance: 0, backend: 'auto' },
    ]);
    opened.asked[0]?.options.onProgress({ done: 3, total: 9, at: 'bn1' });
    expect(opened.cut.state.verification).toEqual({ state: 'running', done: 3, total: 9 });
    opened.asked[0]?.resolve(result);
    await settle();
    expect(opened.cut.state.verification).toEqual({ state: 'done', result, stale: false });
  });

  it.each([
    { why: 'the setting is off', change: {}, preferences: { verifyAutomatically: false } },
    { why: 'only the structure could be read', change: { structureOnly: true }, preferences: {} },
  ])('is not made when $why', async ({ change, preferences }) => {
    const opened = session(preferences);
    if (opened.held.loaded) opened.held.loaded = { ...opened.held.loaded, ...change };
    opened.cut.toggle(['add1'], 'output');
    await settle();
    expect(opened.asked).toEqual([]);
  });

  it('waits until the cut is closed', async () => {
    const opened = session();
    opened.cut.toggle(['add1'], 'output');
    opened.cut.toggle(['conv1'], 'start');
    await settle();
    expect(opened.asked).toEqual([]);
    opened.cut.addMissing();
    await settle();
    expect(opened.asked).toHaveLength(1);
  });

  it.each([
    { change: 'the marks', make: ({ cut }: ReturnType<typeof session>) => cut.toggle(['stem'], 'output') },
    { change: 'the input', make: ({ cut }: ReturnType<typeof session>) => cut.inputChanged() },
    { change: 'the file', make: ({ cut }: ReturnType<typeof session>) => cut.modelChanged() },
  ])('is out of date once $change changed, and made again; one under way is given up', async ({ make }) => {
    const opened = session();
    opened.cut.toggle(['add1'], 'output');
    await settle();
    opened.asked[0]?.resolve(result);
    await settle();
    make(opened);
    expect(opened.cut.state.verification).toEqual({ state: 'done', result, stale: true });
    await settle();
    expect(opened.asked).toHaveLength(2);
    expect(opened.cut.state.verification.state).toBe('running');
    make(opened);
    expect(opened.asked[1]?.options.signal.aborted).toBe(true);
    opened.asked[1]?.resolve(result);
    await settle();
    expect(opened.asked).toHaveLength(3);
    expect(opened.cut.state.verification.state).toBe('running');
  });

  it('ends when it is cancelled, and does not start again by itself', async () => {
    const opened = session();
    opened.cut.toggle(['add1'], 'output');
    await settle();
    opened.cut.cancelVerify();
    await settle();
    expect(opened.cut.state.verification).toEqual({ state: 'none' });
    expect([opened.asked.length, opened.warned]).toEqual([1, []]);
  });

  it('says why it could not be made', async () => {
    const opened = session();
    opened.cut.toggle(['add1'], 'output');
    await settle();
    opened.asked[0]?.reject(new SlicerError('out-of-memory', { address: 'conv1' }));
    await settle();
    const { verification } = opened.cut.state;
    expect(verification.state === 'failed' && verification.message).toMatch(/conv1.*memory/);
  });

  it('a proof that fails is a result, not an error', async () => {
    const opened = session();
    const failed = { ...result, passed: false, outputs: [{ address: 'add1', maxAbsDiff: 'NaN', equal: false }] };
    opened.cut.toggle(['add1'], 'output');
    await settle();
    opened.asked[0]?.resolve(failed);
    await settle();
    expect(opened.cut.state.verification).toEqual({ state: 'done', result: failed, stale: false });
  });
});

it('a proof that is asked for takes other data and a saved slice', async () => {
  const { cut, asked } = session({ verifyAutomatically: false });
  cut.toggle(['add1'], 'output');
  const zeros: InputSpec[] = [{ input: 'image', source: { kind: 'zeros' } }];
  const proof = cut.verify({ data: [zeros, noise], slicePath: '/saved' });
  expect(asked[0]?.params).toMatchObject({ data: [zeros, noise], slicePath: '/saved' });
  asked[0]?.resolve(result);
  expect(await proof).toBe(result);
});
