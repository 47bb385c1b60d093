/** Files that HDF5's library follows without an end, made from healthy ones; they show only in the bundle, through the CLI. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** @returns cases as the manifest has them; `open` is absolute. */
export function hostileFiles(fixtures, folder) {
  const base = path.join(fixtures, 'bad', 'base', 'keras3.h5');
  if (!existsSync(base)) return [];
  const write = (name, change) => {
    const bytes = readFileSync(base);
    change(bytes);
    const open = path.join(folder, `${name}.h5`);
    writeFileSync(open, bytes);
    return { name, open, kind: 'not-hdf5', phase: 'open', names: [`${name}.h5`] };
  };
  return [
    write('made-endless-heap', (bytes) => {
      // a size that wraps round to nothing where sizes have 32 bits
      bytes.writeBigUInt64LE(0xfffffff0n, bytes.indexOf('GCOL') + 24);
    }),
    write('made-text-of-gigabytes', (bytes) => {
      const { heap, size } = textInHeap(bytes, '{"');
      // a text stands as its length, its heap's address and its number there
      const reference = Buffer.alloc(12);
      reference.writeUInt32LE(size, 0);
      reference.writeBigUInt64LE(BigInt(heap), 4);
      const at = bytes.indexOf(reference);
      if (at < 0) throw new Error('the fixture no longer has its configuration as a text in a heap');
      bytes.writeUInt32LE(0x6c000000 + size, at);
    }),
  ];
}

function textInHeap(bytes, start) {
  for (let heap = bytes.indexOf('GCOL'); heap >= 0; heap = bytes.indexOf('GCOL', heap + 1)) {
    const end = heap + Number(bytes.readBigUInt64LE(heap + 8));
    for (let at = heap + 16; at + 16 < end;) {
      const size = Number(bytes.readBigUInt64LE(at + 8));
      if (bytes.readUInt16LE(at) === 0) break;
      if (bytes.toString('latin1', at + 16, at + 16 + start.length) === start) return { heap, size };
      at += 16 + Math.ceil(size / 8) * 8;
    }
  }
  throw new Error('the fixture no longer has its configuration in a heap');
}
