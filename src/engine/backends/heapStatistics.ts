/**
 * Sums over values, four at a time: a tiny WebAssembly module that shares the wasm backend's own memory, or has one of its own
 * for what lies elsewhere. The statistics of all layers would otherwise cost as much as computing the layers.
 */
import * as tf from '@tensorflow/tfjs-core';

export interface HeapSums {
  sum: number;
  squares: number;
  min: number;
  max: number;
  nonZeros: number;
}

type Scan = (from: number, to: number) => [number, number, number, number, number];

interface WasmModule {
  /** Emscripten's module; `memory` is its `WebAssembly.Memory`. */
  wasm?: { asm?: { memory?: { readonly buffer: ArrayBufferLike } } };
}

const scans = new WeakMap<object, Scan>();

/**
 * Sums of `data`, which must be a view of the wasm heap (`heapView`); null when there is no such memory.
 * `sum` is not finite when a value is not: then the other figures say nothing.
 */
export function heapSums(data: Float32Array): HeapSums | null {
  const memory = (tf.backend() as WasmModule).wasm?.asm?.memory;
  if (memory?.buffer !== data.buffer) return null;
  const sums = noSums();
  scanBlocks(memory, data.byteOffset, data, sums);
  return sums;
}

/** What fits a processor's nearer cache, so that a copy costs little. */
const pieceValues = 32_768;
let own: WebAssembly.Memory | null = null;

/** The same sums of values that lie anywhere: piece by piece through a small memory of the module's own. */
export function pieceSums(data: Float32Array): HeapSums {
  own ??= new WebAssembly.Memory({ initial: (pieceValues * 4) / 65_536 });
  const heap = new Float32Array(own.buffer);
  const sums = noSums();
  for (let from = 0; from < data.length; from += pieceValues) {
    const piece = data.subarray(from, from + pieceValues);
    heap.set(piece);
    scanBlocks(own, 0, piece, sums);
  }
  return sums;
}

function noSums(): HeapSums {
  return { sum: 0, squares: 0, min: Infinity, max: -Infinity, nonZeros: 0 };
}

/** Adds to `sums` those of `data`, which begins at byte `at` of the memory. */
function scanBlocks(memory: object, at: number, data: Float32Array, sums: HeapSums): void {
  let scan = scans.get(memory);
  if (!scan) {
    const module = new WebAssembly.Module(moduleBytes());
    scan = new WebAssembly.Instance(module, { e: { m: memory } }).exports.scan as Scan;
    scans.set(memory, scan);
  }
  const blocks = data.length - (data.length % 4);
  const [sum, squares, min, max, nonZeros] = scan(at, at + blocks * 4);
  sums.sum += sum;
  sums.squares += squares;
  sums.min = Math.min(sums.min, min);
  sums.max = Math.max(sums.max, max);
  sums.nonZeros += nonZeros;
  for (let i = blocks; i < data.length; i++) {
    const value = data[i] as number;
    sums.sum += value;
    sums.squares += value * value;
    if (value < sums.min) sums.min = value;
    if (value > sums.max) sums.max = value;
    if (value !== 0) sums.nonZeros++;
  }
}

// --- the module, as WebAssembly's binary format has it ---

const [i32, f64, v128] = [0x7f, 0x7c, 0x7b];
const simd = 0xfd;
const op = {
  load: [simd, 0x00, 0, 0],
  highHalf: [simd, 0x0d, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15],
  splat: [simd, 0x13],
  notEqual: [simd, 0x42],
  widen: [simd, 0x5f],
  subtractCounts: [simd, 0xb1, 0x01],
  min: [simd, 0xea, 0x01],
  max: [simd, 0xeb, 0x01],
  add: [simd, 0xf0, 0x01],
  multiply: [simd, 0xf2, 0x01],
  floatMin: [0x96],
  floatMax: [0x97],
  doubleAdd: [0xa0],
  countAdd: [0x6a],
  floatToDouble: [0xbb],
  countToDouble: [0xb8],
};
const floatLane = (lane: number): number[] => [simd, 0x1f, lane];
const countLane = (lane: number): number[] => [simd, 0x1b, lane];
const doubleLane = (lane: number): number[] => [simd, 0x21, lane];
const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];

/** Parameters, then locals of four floats, two doubles or four counts. */
const [from, to, value, low, high, sumLow, sumHigh, squaresLow, squaresHigh, least, most, counts] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
];
const zeros = 12;

function moduleBytes(): Uint8Array<ArrayBuffer> {
  const infinity = (sign: number): number[] => [0x43, 0, 0, 0x80, sign];
  const sumUp = (sum: number, part: number): number[] => [...get(sum), ...get(part), ...op.add, ...set(sum)];
  const squareUp = (sum: number, part: number): number[] => [
    ...get(sum),
    ...get(part),
    ...get(part),
    ...op.multiply,
    ...op.add,
    ...set(sum),
  ];
  const step = [
    ...[...get(from), ...op.load, ...set(value)],
    ...[...get(least), ...get(value), ...op.min, ...set(least)],
    ...[...get(most), ...get(value), ...op.max, ...set(most)],
    // a comparison that holds is -1
    ...[...get(counts), ...get(value), ...get(zeros), ...op.notEqual, ...op.subtractCounts, ...set(counts)],
    ...[...get(value), ...op.widen, ...set(low)],
    ...[...get(value), ...get(value), ...op.highHalf, ...op.widen, ...set(high)],
    ...[...sumUp(sumLow, low), ...sumUp(sumHigh, high), ...squareUp(squaresLow, low), ...squareUp(squaresHigh, high)],
    ...[...get(from), 0x41, 16, 0x6a, ...set(from)],
  ];
  const total = (a: number, b: number): number[] => [
    ...[...get(a), ...doubleLane(0), ...get(a), ...doubleLane(1), ...op.doubleAdd],
    ...[...get(b), ...doubleLane(0), ...get(b), ...doubleLane(1), ...op.doubleAdd],
    ...op.doubleAdd,
  ];
  const across = (local: number, lane: (at: number) => number[], join: number[]): number[] => [
    ...[...get(local), ...lane(0), ...get(local), ...lane(1), ...join],
    ...[...get(local), ...lane(2), ...get(local), ...lane(3), ...join],
    ...join,
  ];
  const code = [
    ...[1, 11, v128],
    ...[...infinity(0x7f), ...op.splat, ...set(least), ...infinity(0xff), ...op.splat, ...set(most)],
    // block, loop: leave when `from` has reached `to`
    ...[0x02, 0x40, 0x03, 0x40, ...get(from), ...get(to), 0x4f, 0x0d, 1, ...step, 0x0c, 0, 0x0b, 0x0b],
    ...total(sumLow, sumHigh),
    ...total(squaresLow, squaresHigh),
    ...[...across(least, floatLane, op.floatMin), ...op.floatToDouble],
    ...[...across(most, floatLane, op.floatMax), ...op.floatToDouble],
    ...[...across(counts, countLane, op.countAdd), ...op.countToDouble],
    0x0b,
  ];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 2, i32, i32, 5, f64, f64, f64, f64, f64]),
    ...section(2, [1, ...text('e'), ...text('m'), 2, 0, 1]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...text('scan'), 0, 0]),
    ...section(10, [1, ...size(code.length), ...code]),
  ]);
}

function section(id: number, content: number[]): number[] {
  return [id, ...size(content.length), ...content];
}

function text(name: string): number[] {
  return [name.length, ...Array.from(name, (c) => c.charCodeAt(0))];
}

/** LEB128 */
function size(length: number): number[] {
  return length < 128 ? [length] : [(length & 127) | 128, ...size(length >> 7)];
}
