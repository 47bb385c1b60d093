/** JPEG → pixels, by mozjpeg as WebAssembly: bit for bit what libjpeg-turbo gives to Pillow. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import decode, { init } from '@jsquash/jpeg/decode.js';
import { badPicture } from './badPicture';
import { readJpegHeader } from './jpegHeader';
import type { Pixels } from './pixels';

interface DecodedImage {
  width: number;
  height: number;
  /** RGBA */
  data: Uint8ClampedArray;
}

let compiled: WebAssembly.Module | null = null;

/** Grey pictures come as `L`, others as `RGB`. Errors: `bad-picture`; four-colour (CMYK) pictures are `unsupported`. */
export async function decodeJpeg(bytes: Uint8Array, file: string): Promise<Pixels> {
  const header = readJpegHeader(bytes, file);
  const { width, height } = header;
  const messages: string[] = [];
  let image: DecodedImage;
  try {
    image = await decodeFresh(bytes, messages);
  } catch (cause) {
    throw badPicture('broken', file, { detail: (messages[0] ?? '').slice(0, 200) }, cause);
  }
  if (image.width !== width || image.height !== height) throw badPicture('broken', file, { detail: 'size' });
  const channels = header.components === 1 ? 1 : 3;
  const data = new Uint8Array(width * height * channels);
  for (let i = 0, to = 0; i < width * height; i++) {
    for (let channel = 0; channel < channels; channel++) data[to++] = image.data[i * 4 + channel] as number;
  }
  return { width, height, mode: channels === 1 ? 'L' : 'RGB', data };
}

/** In an instance of its own: a failed decode leaves its memory behind, and that of a large picture never shrinks. */
async function decodeFresh(bytes: Uint8Array, messages: string[]): Promise<DecodedImage> {
  const module = (compiled ??= new WebAssembly.Module(readFileSync(wasmFile())));
  const ready = init({
    instantiateWasm: (imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void) => {
      const instance = new WebAssembly.Instance(module, imports);
      done(instance);
      return instance.exports;
    },
    // A decoder that gives up calls exit(): it must throw, never end the process.
    quit: (_status: number, thrown: unknown) => {
      throw thrown;
    },
    print: () => undefined,
    printErr: (text: string) => messages.push(text),
  } as Parameters<typeof init>[0]);
  // Its typing names the DOM's ImageData, which is not known here.
  const image = decode(new Uint8Array(bytes).buffer) as Promise<DecodedImage>;
  await ready;
  return image;
}

/** Beside the bundle, or in `node_modules` above this file when it runs from source. */
function wasmFile(): string {
  const bundled = path.join(__dirname, 'wasm', 'mozjpeg_dec.wasm');
  if (existsSync(bundled)) return bundled;
  const inPackage = path.join('node_modules', '@jsquash', 'jpeg', 'codec', 'dec', 'mozjpeg_dec.wasm');
  for (let folder = __dirname; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, inPackage);
    if (existsSync(candidate)) return candidate;
    if (folder === path.dirname(folder)) return bundled;
  }
}
