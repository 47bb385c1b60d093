/** The channel: every request ends, in one of four ways. */
import { describe, expect, it } from 'vitest';
import { SlicerError } from '../../../src/core/errors';
import {
  Channel,
  type Contract,
  type EmptyContract,
  type Handlers,
  type Transport,
} from '../../../src/protocol/channel';

interface Clock extends Contract {
  requests: {
    double: { params: number; result: number };
    fail: { params: 'slicer' | 'other'; result: null };
    wait: { params: null; result: null; progress: number };
  };
  events: { tick: number };
}

function connect(handlers: Handlers<Clock>): {
  client: Channel<EmptyContract, Clock>;
  server: Channel<Clock, EmptyContract>;
  drop(reason?: SlicerError): void;
} {
  const listeners: ((message: unknown) => void)[][] = [[], []];
  const closers: ((reason?: SlicerError) => void)[] = [];
  const end = (mine: 0 | 1): Transport => ({
    post: (message) => {
      const copy = structuredClone(message);
      queueMicrotask(() => listeners[1 - mine]?.forEach((listener) => listener(copy)));
    },
    onMessage: (listener) => void listeners[mine]?.push(listener),
    onClose: (listener) => void closers.push(listener),
  });
  const server = new Channel<Clock, EmptyContract>(end(0), handlers);
  const client = new Channel<EmptyContract, Clock>(end(1), {});
  return { client, server, drop: (reason) => closers.forEach((close) => close(reason)) };
}

const handlers: Handlers<Clock> = {
  double: (value) => value * 2,
  fail: (kind) => {
    throw kind === 'slicer' ? new SlicerError('bad-input', { reason: 'x' }) : new TypeError('broken');
  },
  wait: (_, { signal, progress }) =>
    new Promise((resolve, reject) => {
      progress(1);
      signal.addEventListener('abort', () => reject(new Error('stopped')));
    }),
};

const failure = (promise: Promise<unknown>): Promise<SlicerError> =>
  promise.then(
    () => Promise.reject(new Error('did not fail')),
    (error: SlicerError) => error,
  );

describe('Channel', () => {
  it('answers', async () => {
    await expect(connect(handlers).client.request('double', 21)).resolves.toBe(42);
  });

  it.each([
    ['slicer', 'bad-input', { reason: 'x' }],
    ['other', 'internal', { reason: 'broken' }],
  ] as const)('passes a %s error on as %s', async (kind, code, data) => {
    const error = await failure(connect(handlers).client.request('fail', kind));
    expect(error).toBeInstanceOf(SlicerError);
    expect({ code: error.code, data: error.data }).toEqual({ code, data });
  });

  it('answers a request that nobody knows, a prototype key too', async () => {
    for (const method of ['nothing', 'toString', '__proto__']) {
      const error = await failure(connect(handlers).client.request(method as 'double', 1));
      expect(error.code).toBe('internal');
    }
  });

  it('cancels the handler and answers `cancelled`, whatever it throws', async () => {
    const controller = new AbortController();
    const { client } = connect(handlers);
    const error = await failure(
      client.request('wait', null, { signal: controller.signal, onProgress: () => controller.abort() }),
    );
    expect(error.code).toBe('cancelled');
  });

  it('ends what is pending when the other side goes, with its reason, and later requests at once', async () => {
    const { client, drop } = connect(handlers);
    const pending = failure(client.request('wait', null));
    const reason = new SlicerError('engine-crashed', { exitCode: 1 });
    drop(reason);
    expect(await pending).toBe(reason);
    expect(await failure(client.request('double', 1))).toBe(reason);
  });

  it('sends events until the listener is taken away', async () => {
    const { client, server } = connect(handlers);
    const seen: number[] = [];
    const stop = client.on('tick', (value) => seen.push(value));
    server.send('tick', 1);
    await client.request('double', 1);
    stop();
    server.send('tick', 2);
    await client.request('double', 1);
    expect(seen).toEqual([1]);
  });

  it('answers with an error when the transport cannot carry the parameters', async () => {
    const { client } = connect(handlers);
    const error = await failure(client.request('double', (() => 1) as never));
    expect(error).toMatchObject({ code: 'internal', data: { reason: 'not-cloneable', method: 'double' } });
  });

  it('answers with an error when the transport cannot carry the result', async () => {
    const { client } = connect({ ...handlers, double: () => (() => 1) as never });
    expect((await failure(client.request('double', 1))).code).toBe('internal');
  });
});
