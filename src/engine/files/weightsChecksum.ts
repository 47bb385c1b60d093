/** One checksum of all weights of a file, by their names: the same in whatever order they are read. */
import { crc32 } from 'node:zlib';

export class WeightsChecksum {
  #all = 0;
  #own = 0;

  /** What follows is the weight `name`. */
  start(name: string): void {
    this.#all ^= this.#own;
    this.#own = crc32(`${name}\n`);
  }

  update(bytes: Uint8Array): void {
    this.#own = crc32(bytes, this.#own);
  }

  /** Eight hex digits. */
  digest(): string {
    return ((this.#all ^ this.#own) >>> 0).toString(16).padStart(8, '0');
  }
}
