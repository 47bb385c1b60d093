/** Zip archives that contradict themselves as told. */
import { crc32, deflateRawSync } from 'node:zlib';

export interface Entry {
  name: string;
  content: Uint8Array;
  /** What the local header says instead. */
  localName?: string;
  localMethod?: number;
  localFlags?: number;
  deflate?: boolean;
  method?: number;
  flags?: number;
  crc?: number;
  size?: number;
  packed?: number;
  /** Where the directory says that the entry begins: an index of another one, or an offset. */
  at?: { entry: number } | number;
}

export interface Ending {
  /** How many entries there are said to be. */
  count?: number;
  directoryStart?: number;
  comment?: Uint8Array;
}

export function buildZip(entries: readonly Entry[], ending: Ending = {}): Buffer {
  const parts: Buffer[] = [];
  const places: number[] = [];
  let at = 0;
  const add = (...added: Buffer[]): void => {
    for (const part of added) {
      parts.push(part);
      at += part.length;
    }
  };
  const facts = entries.map((entry) => {
    const data = entry.deflate ? deflateRawSync(entry.content) : Buffer.from(entry.content);
    const method = entry.method ?? (entry.deflate ? 8 : 0);
    return { data, method, crc: entry.crc ?? crc32(entry.content) };
  });
  entries.forEach((entry, i) => {
    const { data, method, crc } = facts[i] as (typeof facts)[number];
    places.push(at);
    const name = Buffer.from(entry.localName ?? entry.name);
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    header.writeUInt16LE(entry.localFlags ?? entry.flags ?? 0, 6);
    header.writeUInt16LE(entry.localMethod ?? method, 8);
    header.writeUInt32LE(crc, 14);
    header.writeUInt32LE(data.length, 18);
    header.writeUInt32LE(entry.size ?? entry.content.length, 22);
    header.writeUInt16LE(name.length, 26);
    add(header, name, data);
  });
  const start = at;
  entries.forEach((entry, i) => {
    const { data, method, crc } = facts[i] as (typeof facts)[number];
    const name = Buffer.from(entry.name);
    const header = Buffer.alloc(46);
    header.writeUInt32LE(0x02014b50, 0);
    header.writeUInt16LE(entry.flags ?? 0, 8);
    header.writeUInt16LE(method, 10);
    header.writeUInt32LE(crc, 16);
    header.writeUInt32LE(entry.packed ?? data.length, 20);
    header.writeUInt32LE(entry.size ?? entry.content.length, 24);
    header.writeUInt16LE(name.length, 28);
    const place = typeof entry.at === 'object' ? places[entry.at.entry] : (entry.at ?? places[i]);
    header.writeUInt32LE(place ?? 0, 42);
    add(header, name);
  });
  const end = Buffer.alloc(22);
  const comment = Buffer.from(ending.comment ?? []);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(ending.count ?? entries.length, 8);
  end.writeUInt16LE(ending.count ?? entries.length, 10);
  end.writeUInt32LE(at - start, 12);
  end.writeUInt32LE(ending.directoryStart ?? start, 16);
  end.writeUInt16LE(comment.length, 20);
  add(end, comment);
  return Buffer.concat(parts);
}
