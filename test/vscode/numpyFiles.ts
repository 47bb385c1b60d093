/** Reads the little-endian float and int arrays that the product writes, without any code of the product. */
import fs from 'node:fs';
import { unzipSync } from 'fflate';

export interface NumpyArray {
  shape: number[];
  values: number[];
}

export function readNpz(file: string): Map<string, NumpyArray> {
  const members = Object.entries(unzipSync(new Uint8Array(fs.readFileSync(file))));
  return new Map(members.map(([name, bytes]) => [name.replace(/\.npy$/, ''), readNpy(bytes)]));
}

export function readNpy(bytes: Uint8Array): NumpyArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6] === 2;
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const start = (wide ? 12 : 10) + length;
  const header = Buffer.from(bytes.subarray(wide ? 12 : 10, start)).toString('latin1');
  const dtype = /'descr': '([^']+)'/.exec(header)?.[1];
  const shape = (/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? '')
    .split(',')
    .flatMap((size) => (size.trim() ? [Number(size)] : []));
  if (!header.includes("'fortran_order': False")) throw new Error('Fortran order');
  const read: Record<string, (at: number) => number> = {
    '<f4': (at) => view.getFloat32(at, true),
    '<i4': (at) => view.getInt32(at, true),
  };
  const one = read[dtype ?? ''];
  if (!one) throw new Error(`${dtype} is not read here`);
  const count = shape.reduce((product, size) => product * size, 1);
  return { shape, values: Array.from({ length: count }, (_, i) => one(start + 4 * i)) };
}
