/** Mutations of model files and inputs, as plain data: a case is a fixture and what was done to it, and can be done again. */
import { crc32 } from 'node:zlib';
import { unzipSync, zipSync } from 'fflate';

type Path = (string | number)[];

export type Mutation =
  | { op: 'bytes'; at: number; hex: string }
  | { op: 'insert'; at: number; hex: string; times: number }
  | { op: 'remove'; at: number; length: number }
  | { op: 'truncate'; length: number }
  /** In JSON; `value` as JSON text, because some values cannot stand in a JavaScript literal. */
  | { op: 'set'; path: Path; value: string }
  | { op: 'delete'; path: Path }
  | { op: 'rename'; path: Path; to: string }
  | { op: 'nest'; path: Path; depth: number }
  | { op: 'copy'; path: Path; from: Path }
  | { op: 'repeat'; path: Path; times: number };

/** Of which file (and which member of a zip) it is. */
export interface Placed {
  file: string;
  member?: string;
  mutation: Mutation;
}

export interface FuzzCase {
  /** Folder or file below test/fixtures. */
  fixture: string;
  /** What is opened: a file of the fixture. */
  open: string;
  mutations: Placed[];
}

export class Random {
  constructor(private state: number) {}

  /** Uniform in [0, 1). Marsaglia's xorshift, 32 bits. */
  next(): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) / 0x1_0000_0000;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }
}

const VALUES = [
  'null', 'true', 'false', '0', '-1', '1', '2', '3.5', '1e308', '-1e308', '4294967296', '9007199254740993', '2147483647',
  '""', '"a"', '"__proto__"', '"constructor"', '"../x"', '"/etc/passwd"', '"\\u0000"', '"float32"', '"uint8"', '"string"',
  '"bool"', '"same"', '"linear"', '"softmax"', '"Dense"', '"Lambda"', '"Functional"', '"InputLayer"', '[]', '{}', '[null]',
  '[[]]', '[0]', '[-1]', '[1e9,1e9]', '[null,null]', '[[["a",0,0]]]', '[["a",0,0,{}]]', '{"class_name":"Dense","config":{}}',
  '{"__proto__":{"a":1}}', '{"toString":1}', '{"length":1e9}',
]; // prettier-ignore
const INTEGERS = ['00', 'ff', '7f', '80', '01', '0000', 'ffff', 'ffffffff', '7fffffff', '00000080', '00000000', '0000000000000000', 'ffffffffffffffff', '0000004000000000']; // prettier-ignore

/** A mutation of these bytes, by what they are. */
export function mutate(bytes: Uint8Array, kind: 'json' | 'binary', random: Random): Mutation {
  if (kind === 'json' && random.next() < 0.92) {
    const json = parsed(bytes);
    if (json !== undefined) return mutateJson(json, random);
  }
  return mutateBytes(bytes, random);
}

function mutateJson(json: unknown, random: Random): Mutation {
  const path = randomPath(json, random);
  const roll = random.next();
  if (roll < 0.5) return { op: 'set', path, value: random.pick(VALUES) };
  if (roll < 0.65) return { op: 'delete', path };
  if (roll < 0.8) return { op: 'copy', path, from: randomPath(json, random) };
  if (roll < 0.88) return { op: 'repeat', path, times: random.pick([1, 2, 10, 1000]) };
  if (roll < 0.94)
    return { op: 'rename', path, to: random.pick(['__proto__', 'constructor', '', 'name', 'config', 'x']) };
  return { op: 'nest', path, depth: random.pick([1, 2, 50, 20_000]) };
}

function randomPath(json: unknown, random: Random): Path {
  const path: Path = [];
  for (let at = json; typeof at === 'object' && at !== null;) {
    const keys = Array.isArray(at) ? [...at.keys()] : Object.keys(at);
    if (keys.length === 0 || (path.length > 1 && random.next() < 0.15)) break;
    const key = random.pick<string | number>(keys);
    path.push(key);
    at = (at as Record<string | number, unknown>)[key];
  }
  return path;
}

/** Where headers of the formats begin: mutations there are worth more. */
const SIGNATURES = ['\u0089HDF', 'OHDR', 'TREE', 'SNOD', 'HEAP', 'GCOL', 'FRHP', 'BTHD', 'PK\u0001\u0002', 'PK\u0003\u0004', 'PK\u0005\u0006', 'IHDR', 'PLTE', 'IDAT', 'tRNS', '\u00ff\u00c0', '\u00ff\u00c4', '\u00ff\u00da', '\u00ff\u00db', '\u0093NUMPY']; // prettier-ignore

function mutateBytes(bytes: Uint8Array, random: Random): Mutation {
  const at = place(bytes, random);
  const roll = random.next();
  if (roll < 0.6) return { op: 'bytes', at, hex: random.pick(INTEGERS) };
  if (roll < 0.75) return { op: 'bytes', at, hex: random.below(256).toString(16).padStart(2, '0') };
  if (roll < 0.85) return { op: 'truncate', length: random.below(bytes.length + 1) };
  if (roll < 0.93) return { op: 'remove', at, length: random.pick([1, 2, 8, 512]) };
  return { op: 'insert', at, hex: random.pick(INTEGERS), times: random.pick([1, 2, 100, 10_000]) };
}

function place(bytes: Uint8Array, random: Random): number {
  if (random.next() < 0.3 || bytes.length === 0) return random.below(Math.max(1, bytes.length));
  const found: number[] = [0];
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 1 << 20)).toString('latin1');
  for (const signature of SIGNATURES)
    for (let at = text.indexOf(signature); at >= 0 && found.length < 500; at = text.indexOf(signature, at + 1))
      found.push(at);
  return Math.min(bytes.length - 1, random.pick(found) + random.below(random.pick([8, 32, 128])));
}

/** The fixture's files after the mutations. */
export function mutated(files: ReadonlyMap<string, Uint8Array>, mutations: readonly Placed[]): Map<string, Uint8Array> {
  const result = new Map(files);
  for (const { file, member, mutation } of mutations) {
    const bytes = result.get(file);
    if (!bytes) continue;
    result.set(file, member === undefined ? apply(bytes, mutation) : inZip(bytes, member, mutation));
  }
  return result;
}

/** Members of a zip whose directory can still be read. */
export function zipMembers(bytes: Uint8Array): string[] {
  try {
    return Object.keys(unzipSync(bytes));
  } catch {
    return [];
  }
}

export function zipMember(bytes: Uint8Array, name: string): Uint8Array {
  return unzipSync(bytes)[name] ?? new Uint8Array();
}

function inZip(bytes: Uint8Array, name: string, mutation: Mutation): Uint8Array {
  let members: Record<string, Uint8Array>;
  try {
    members = unzipSync(bytes);
  } catch {
    return bytes;
  }
  const member = members[name];
  if (!member) return bytes;
  // as Keras stores them
  return zipSync({ ...members, [name]: apply(member, mutation) }, { level: 0, mtime: new Date(1980, 1, 1) });
}

function apply(bytes: Uint8Array, mutation: Mutation): Uint8Array {
  const buffer = Buffer.from(bytes);
  switch (mutation.op) {
    case 'bytes': {
      Buffer.from(mutation.hex, 'hex').copy(buffer, Math.min(mutation.at, buffer.length));
      return withPngChecksums(buffer);
    }
    case 'insert': {
      const added = Buffer.concat(Array.from({ length: mutation.times }, () => Buffer.from(mutation.hex, 'hex')));
      return Buffer.concat([buffer.subarray(0, mutation.at), added, buffer.subarray(mutation.at)]);
    }
    case 'remove':
      return Buffer.concat([buffer.subarray(0, mutation.at), buffer.subarray(mutation.at + mutation.length)]);
    case 'truncate':
      return buffer.subarray(0, mutation.length);
    default:
      try {
        return inJson(bytes, mutation);
      } catch {
        // what was nested before is too deep to be written again
        return bytes;
      }
  }
}

/** A picture with a wrong checksum is refused before anything else of it is read. */
function withPngChecksums(buffer: Buffer): Buffer {
  if (buffer.toString('latin1', 1, 4) !== 'PNG') return buffer;
  for (let at = 8; at + 12 <= buffer.length;) {
    const length = buffer.readUInt32BE(at);
    if (at + 12 + length > buffer.length) break;
    buffer.writeUInt32BE(crc32(buffer.subarray(at + 4, at + 8 + length)), at + 8 + length);
    at += 12 + length;
  }
  return buffer;
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

const RAW = '\u0001raw';

function inJson(bytes: Uint8Array, mutation: Extract<Mutation, { path: Path }>): Uint8Array {
  const root = { json: parsed(bytes) };
  if (root.json === undefined) return bytes;
  const path: Path = ['json', ...mutation.path];
  const key = path.at(-1) ?? 'json';
  const holder = path.slice(0, -1).reduce<unknown>(child, root);
  if (typeof holder !== 'object' || holder === null) return bytes;
  const slots = holder as Record<string | number, unknown>;
  const old = slots[key];
  let raw = '';
  switch (mutation.op) {
    case 'set':
      raw = mutation.value;
      slots[key] = RAW;
      break;
    case 'nest':
      raw = '['.repeat(mutation.depth) + JSON.stringify(old ?? null) + ']'.repeat(mutation.depth);
      slots[key] = RAW;
      break;
    case 'delete':
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete slots[key];
      break;
    case 'copy':
      raw = JSON.stringify(['json', ...mutation.from].reduce<unknown>(child, root) ?? null);
      slots[key] = RAW;
      break;
    case 'repeat':
      if (Array.isArray(holder)) holder.splice(Number(key), 0, ...Array<unknown>(mutation.times).fill(old));
      break;
    case 'rename':
      delete slots[key];
      Object.defineProperty(holder, mutation.to, { value: old, enumerable: true, configurable: true, writable: true });
  }
  // text put in as it is: nothing that JSON.stringify could refuse or change
  return Buffer.from(JSON.stringify(root.json).split(JSON.stringify(RAW)).join(raw));
}

function child(value: unknown, key: string | number): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string | number, unknown>)[key]
    : undefined;
}
