/** Entry of the engine process: one document, spoken to over Node's IPC. Ends when the parent is gone. */
import { tmpdir } from 'node:os';
import { SlicerError } from '../core/errors';
import { Channel, type EmptyContract, type Transport } from '../protocol/channel';
import type { EngineContract } from '../protocol/engine';
import { EngineDocument } from './document';
import { clearLeftovers } from './files/leftovers';
import { startWatchdog } from './watchdog';

/** The exit code after the heap of WebAssembly failed: the request that showed it was answered `out-of-memory`. */
const BROKEN = 86;
let unsent = 0;
let isBroken = false;
const endWhenSent = (): void => {
  if (isBroken && unsent === 0) process.exit(BROKEN);
};

const transport: Transport = {
  post: (message) => {
    // the parent may be gone before `disconnect` was heard
    if (!process.connected) return;
    unsent += 1;
    process.send?.(message, () => {
      unsent -= 1;
      endWhenSent();
    });
  },
  onMessage: (listener) => void process.on('message', listener),
  onClose: (listener) => void process.once('disconnect', () => listener(new SlicerError('closed'))),
};

const epoch = Number(process.env.MODEL_SLICER_EPOCH ?? 1);
const document = new EngineDocument(epoch, () => {
  isBroken = true;
  // after the answer, which is on its way by then
  setImmediate(endWhenSent);
});
const channel = new Channel<EngineContract, EmptyContract>(transport, document.handlers());

type Level = EngineContract['events']['log']['level'];
const log =
  (level: Level) =>
  (...parts: unknown[]): void =>
    channel.send('log', { level, text: parts.map(String).join(' ') });

// tfjs speaks through the console; nobody reads a forked process's
Object.assign(console, { log: log('info'), info: log('info'), warn: log('warn'), error: log('error') });

process.once('disconnect', () => process.exit(0));
startWatchdog();
// Ctrl-C reaches the whole process group: the parent cancels, and what was begun to be written is taken back
process.on('SIGINT', () => undefined);

// weights that an engine had unpacked which was killed
void clearLeftovers(tmpdir());
