/** The coded bits of a JPEG's scan: read one by one, and written again. T.81, annexes C and F. */
import { badPicture } from './badPicture';

/** Codes of one Huffman table: for each length, the first code and where its symbols start. */
export interface HuffmanTable {
  /** By length 1…16: the largest code of that length; -1 where there is none. */
  last: Int32Array;
  /** By length: index of a code's symbol is `code + offset`. */
  offset: Int32Array;
  symbols: Uint8Array;
}

/** @param counts how many codes there are of each length 1…16. */
export function huffmanTable(counts: Uint8Array, symbols: Uint8Array): HuffmanTable {
  const last = new Int32Array(17).fill(-1);
  const offset = new Int32Array(17);
  let code = 0;
  let at = 0;
  for (let length = 1; length <= 16; length += 1) {
    const count = counts[length - 1] ?? 0;
    offset[length] = at - code;
    if (count > 0) last[length] = code + count - 1;
    at += count;
    code = (code + count) << 1;
  }
  return { last, offset, symbols };
}

export class BitReader {
  #byte = 0;
  #left = 0;

  constructor(
    private readonly bytes: Uint8Array,
    /** The next byte that was not begun. */
    public at: number,
    private readonly file: string,
  ) {}

  /** @param writer gets the bit, too; null where it is to be dropped. */
  bit(writer: BitWriter | null): number {
    if (this.#left === 0) {
      const byte = this.bytes[this.at];
      if (byte === undefined) throw badPicture('truncated', this.file, { bytes: this.bytes.length });
      // a byte FF in coded data is followed by 00; by anything else it is a marker
      if (byte === 0xff && this.bytes[this.at + 1] !== 0) throw badPicture('broken', this.file, { detail: 'scan' });
      this.at += byte === 0xff ? 2 : 1;
      this.#byte = byte;
      this.#left = 8;
    }
    this.#left -= 1;
    const bit = (this.#byte >> this.#left) & 1;
    writer?.bit(bit);
    return bit;
  }

  skip(count: number, writer: BitWriter | null): void {
    for (let i = 0; i < count; i += 1) this.bit(writer);
  }

  symbol({ last, offset, symbols }: HuffmanTable, writer: BitWriter | null): number {
    let code = 0;
    for (let length = 1; length <= 16; length += 1) {
      code = (code << 1) | this.bit(writer);
      if (code > (last[length] ?? -1)) continue;
      const symbol = symbols[code + (offset[length] ?? 0)];
      if (symbol !== undefined) return symbol;
    }
    throw badPicture('broken', this.file, { detail: 'code' });
  }

  /** Past a restart marker, which begins at a whole byte. */
  restart(): void {
    this.#left = 0;
    const marker = this.bytes[this.at + 1] ?? 0;
    if (this.bytes[this.at] !== 0xff || marker < 0xd0 || marker > 0xd7)
      throw badPicture('broken', this.file, { detail: 'restart' });
    this.at += 2;
  }
}

export class BitWriter {
  #bytes = new Uint8Array(64 * 1024);
  #size = 0;
  #byte = 0;
  #count = 0;

  bit(bit: number): void {
    this.#byte = (this.#byte << 1) | bit;
    this.#count += 1;
    if (this.#count < 8) return;
    this.#put(this.#byte);
    if (this.#byte === 0xff) this.#put(0);
    this.#byte = 0;
    this.#count = 0;
  }

  /** Fills the last byte with ones, as the standard wants. */
  align(): void {
    while (this.#count > 0) this.bit(1);
  }

  restart(number: number): void {
    this.align();
    this.#put(0xff);
    this.#put(0xd0 + (number & 7));
  }

  finish(): Uint8Array {
    this.align();
    return this.#bytes.subarray(0, this.#size);
  }

  #put(byte: number): void {
    if (this.#size === this.#bytes.length) {
      const larger = new Uint8Array(this.#size * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes[this.#size++] = byte;
  }
}
