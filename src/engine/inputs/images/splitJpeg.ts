/**
 * Takes three of the four components out of a CMYK JPEG, without touching a coefficient: the decoder knows three at most.
 * In sequential scans, and in those of progressive pictures that hold DC coefficients, the blocks of all components take
 * turns; a block's bits depend on nothing but its tables and the block of its own component before it, so that they can be
 * copied as they are. Other scans hold one component. T.81, annexes A, B and G.
 */
import { badPicture } from './badPicture';
import { BitReader, BitWriter, huffmanTable, type HuffmanTable } from './jpegBits';

interface Component {
  id: number;
  /** How many of its blocks each unit (MCU) has. */
  blocks: number;
  horizontal: number;
  vertical: number;
}

interface Frame {
  width: number;
  height: number;
  components: Component[];
}

interface State {
  bytes: Uint8Array;
  file: string;
  keep: readonly number[];
  frame: Frame | null;
  kept: ReadonlySet<number>;
  tables: Map<number, HuffmanTable>;
  restartInterval: number;
  parts: Uint8Array[];
}

const SOS = 0xda;
const DHT = 0xc4;
const DRI = 0xdd;
const EOI = 0xd9;

/**
 * @param bytes a JPEG of four components, whose header `readJpegHeader` has read.
 * @param keep positions of three of them.
 * @param transform what the new picture says of its colours: 0 as they are, 1 YCbCr.
 * @returns a JPEG of these components. Errors: `bad-picture` (`broken`, `truncated`, `unsupported`).
 */
export function takeComponents(
  bytes: Uint8Array,
  keep: readonly [number, number, number],
  transform: 0 | 1,
  file: string,
): Uint8Array {
  const adobe = [0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, transform];
  const state: State = {
    bytes,
    file,
    keep,
    frame: null,
    kept: new Set(),
    tables: new Map(),
    restartInterval: 0,
    parts: [Uint8Array.of(0xff, 0xd8, ...adobe)],
  };
  let at = 2;
  for (;;) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at += 1;
    const marker = bytes[at + 1];
    if (marker === undefined) throw badPicture('truncated', file, { bytes: bytes.length });
    if (bytes[at] !== 0xff) throw broken(state, `marker at byte ${at}`);
    if (marker === EOI) break;
    const length = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    if (length < 2 || at + 2 + length > bytes.length) throw badPicture('truncated', file, { bytes: bytes.length });
    const segment = bytes.subarray(at, at + 2 + length);
    at += 2 + length;
    if (marker === SOS) at = takeScan(state, segment, at);
    else takeSegment(state, marker, segment);
  }
  state.parts.push(Uint8Array.of(0xff, EOI));
  return Buffer.concat(state.parts);
}

function broken({ file }: State, detail: string): Error {
  return badPicture('broken', file, { detail });
}

function unsupported({ file }: State, detail: string): Error {
  return badPicture('unsupported', file, { detail: `CMYK, ${detail}` });
}

function takeSegment(state: State, marker: number, segment: Uint8Array): void {
  if (marker === DHT) readTables(state, segment);
  if (marker === DRI) state.restartInterval = ((segment[4] ?? 0) << 8) | (segment[5] ?? 0);
  if (marker >= 0xc0 && marker <= 0xc2) {
    state.parts.push(takeFrame(state, segment));
    return;
  }
  // what applications add says how the four components were meant
  const isApplications = (marker >= 0xe0 && marker <= 0xef) || marker === 0xfe;
  if (!isApplications) state.parts.push(segment);
}

function readTables({ tables, file }: State, segment: Uint8Array): void {
  for (let at = 4; at + 17 <= segment.length;) {
    const counts = segment.subarray(at + 1, at + 17);
    const size = counts.reduce((sum, count) => sum + count, 0);
    if (size > 256 || at + 17 + size > segment.length) throw badPicture('broken', file, { detail: 'tables' });
    tables.set(segment[at] ?? 0, huffmanTable(counts, segment.slice(at + 17, at + 17 + size)));
    at += 17 + size;
  }
}

function takeFrame(state: State, segment: Uint8Array): Uint8Array {
  const view = new DataView(segment.buffer, segment.byteOffset, segment.length);
  if (state.frame || segment.length !== 22) throw broken(state, 'frame');
  const components = [0, 1, 2, 3].map((i): Component => {
    const factors = view.getUint8(11 + 3 * i);
    const [horizontal, vertical] = [factors >> 4, factors & 15];
    if (horizontal < 1 || horizontal > 4 || vertical < 1 || vertical > 4) throw broken(state, 'sampling');
    return { id: view.getUint8(10 + 3 * i), blocks: horizontal * vertical, horizontal, vertical };
  });
  if (new Set(components.map(({ id }) => id)).size !== 4) throw unsupported(state, 'components of one name');
  state.frame = { height: view.getUint16(5), width: view.getUint16(7), components };
  const kept = state.keep.flatMap((i) => components[i] ?? []);
  const most = (of: Component[], key: 'horizontal' | 'vertical'): number => Math.max(...of.map((one) => one[key]));
  for (const key of ['horizontal', 'vertical'] as const)
    if (most(kept, key) !== most(components, key)) throw unsupported(state, 'sampled in a rare way');
  state.kept = new Set(kept.map(({ id }) => id));
  const own = state.keep.map((i) => segment.subarray(10 + 3 * i, 13 + 3 * i));
  const start = Uint8Array.from(segment.subarray(0, 10));
  start.set([0, 8 + 3 * own.length], 2);
  start[9] = own.length;
  return Buffer.concat([start, ...own]);
}

/** @returns where the scan's bits end. */
function takeScan(state: State, header: Uint8Array, start: number): number {
  const { frame, kept, file } = state;
  const count = header[4] ?? 0;
  if (!frame || count < 1 || count > 4 || header.length !== 8 + 2 * count) throw broken(state, 'scan');
  const scanned = Array.from({ length: count }, (_, i) => {
    const id = header[5 + 2 * i];
    const component = frame.components.find((one) => one.id === id);
    if (!component) throw broken(state, 'scan');
    return { component, selector: header[6 + 2 * i] ?? 0 };
  });
  const own = scanned.filter(({ component }) => kept.has(component.id));
  const end = endOfScan(state.bytes, start);
  if (own.length === 0) return end;
  if (own.length === scanned.length) {
    state.parts.push(header, state.bytes.subarray(start, end));
    return end;
  }
  // alone, a component's blocks come row by row: the same order only where each unit has one
  if (own.length === 1 && (own[0]?.component.blocks ?? 0) > 1) throw unsupported(state, 'sampled in a rare way');
  const [spectralStart = 0, spectralEnd = 0, approximation = 0] = header.subarray(5 + 2 * count);
  if (spectralStart !== 0 || (spectralEnd !== 0 && spectralEnd !== 63)) throw broken(state, 'scan');
  const reader = new BitReader(state.bytes, start, file);
  const writer = new BitWriter();
  const plan = scanned.flatMap(({ component, selector }) => {
    const block = blockReader(state, selector, spectralEnd, approximation >> 4);
    return Array.from({ length: component.blocks }, () => ({ block, to: kept.has(component.id) ? writer : null }));
  });
  const units = unitsOf(frame);
  for (let unit = 0, restarts = 0; unit < units; unit += 1) {
    if (state.restartInterval > 0 && unit > 0 && unit % state.restartInterval === 0) {
      reader.restart();
      writer.restart(restarts);
      restarts += 1;
    }
    for (const { block, to } of plan) block(reader, to);
  }
  const selectors = own.flatMap(({ component, selector }) => [component.id, selector]);
  const last = header.subarray(5 + 2 * count);
  state.parts.push(Uint8Array.of(0xff, SOS, 0, 6 + selectors.length, own.length, ...selectors, ...last));
  state.parts.push(writer.finish());
  return end;
}

function unitsOf({ width, height, components }: Frame): number {
  const horizontal = Math.max(...components.map((one) => one.horizontal));
  const vertical = Math.max(...components.map((one) => one.vertical));
  return Math.ceil(width / (8 * horizontal)) * Math.ceil(height / (8 * vertical));
}

type ReadBlock = (reader: BitReader, writer: BitWriter | null) => void;

/** What passes over one block and hands on its bits. */
function blockReader(state: State, selector: number, spectralEnd: number, refined: number): ReadBlock {
  // a later pass over DC coefficients is one bit for each
  if (refined > 0) return (reader, writer) => void reader.bit(writer);
  const direct = state.tables.get(selector >> 4);
  if (!direct) throw broken(state, 'tables');
  const alternating = state.tables.get(0x10 | (selector & 15));
  if (spectralEnd > 0 && !alternating) throw broken(state, 'tables');
  return (reader, writer) => {
    reader.skip(reader.symbol(direct, writer), writer);
    if (spectralEnd === 0 || !alternating) return;
    for (let at = 1; at < 64; at += 1) {
      const symbol = reader.symbol(alternating, writer);
      const [run, size] = [symbol >> 4, symbol & 15];
      // the end of the block, or sixteen zeros
      if (size === 0 && run !== 15) return;
      at += run;
      reader.skip(size, writer);
    }
  };
}

/** The next marker that is no restart. */
function endOfScan(bytes: Uint8Array, start: number): number {
  for (let at = bytes.indexOf(0xff, start); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1];
    if (next !== undefined && next !== 0 && next !== 0xff && (next < 0xd0 || next > 0xd7)) return at;
  }
  return bytes.length;
}
