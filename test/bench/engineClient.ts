/** The engine as its own process, for measurements: the product's channel, nothing else between. */
import { fork } from 'node:child_process';
import { SlicerError } from '../../src/core/errors';
import { Channel, type EmptyContract } from '../../src/protocol/channel';
import type { EngineContract } from '../../src/protocol/engine';

/** Starts `entry` (dist/engine.js). */
export function startEngine(entry: string): {
  channel: Channel<EmptyContract, EngineContract>;
  pid: number | undefined;
  stop: () => void;
} {
  const child = fork(entry, [], { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const channel = new Channel<EmptyContract, EngineContract>(
    {
      post: (message) => child.send(message as object),
      onMessage: (listener) => child.on('message', listener),
      onClose: (listener) => child.on('exit', () => listener(new SlicerError('closed'))),
    },
    {},
  );
  return { channel, pid: child.pid, stop: () => child.kill() };
}
