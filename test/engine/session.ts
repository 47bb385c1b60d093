/** An engine document in this process, spoken to over an in-memory channel: what the forked one does, without the fork. */
import { Channel, type EmptyContract, type Transport } from '../../src/protocol/channel';
import type { EngineContract } from '../../src/protocol/engine';
import { EngineDocument } from '../../src/engine/document';

type Client = Channel<EmptyContract, EngineContract>;

/** Both ends of a channel; messages are cloned as a process border would. */
export function pair(): [Transport, Transport] {
  const listeners: ((message: unknown) => void)[][] = [[], []];
  const end = (mine: 0 | 1): Transport => ({
    post: (message) => {
      const copy = structuredClone(message);
      queueMicrotask(() => listeners[1 - mine]?.forEach((listener) => listener(copy)));
    },
    onMessage: (listener) => void listeners[mine]?.push(listener),
    onClose: () => undefined,
  });
  return [end(0), end(1)];
}

export function engineSession(epoch = 1): Client {
  const [a, b] = pair();
  new Channel<EngineContract, EmptyContract>(a, new EngineDocument(epoch).handlers());
  return new Channel<EmptyContract, EngineContract>(b, {});
}

export type EngineSession = Client;
