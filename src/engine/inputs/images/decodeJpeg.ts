/** JPEG → pixels, by mozjpeg as WebAssembly: bit for bit what libjpeg-turbo gives to Pillow. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import decode, { init } from '@jsquash/jpeg/decode.js';
import { badPicture } from './badPicture';
import { readJpegHeader, type JpegHeader } from './jpegHeader';
import type { Pixels } from './pixels';
import { takeComponents } from './splitJpeg';

interface DecodedImage {
  width: number;
  height: number;
  /** RGBA */
  data: Uint8ClampedArray;
}

let compiled: WebAssembly.Module | null = null;

/** Grey pictures come as `L`, those of four inks as `CMYK`, others as `RGB`. Errors: `bad-picture`. */
export async function decodeJpeg(bytes: Uint8Array, file: string): Promise<Pixels> {
  const header = readJpegHeader(bytes, file);
  if (header.components === 4) return decodeInks(bytes, header, file);
  const channels = header.components === 1 ? 1 : 3;
  const image = await decodeChecked(bytes, header, file);
  const { width, height } = header;
  const data = new Uint8Array(width * height * channels);
  for (let i = 0, to = 0; i < width * height; i++) {
    for (let channel = 0; channel < channels; channel++) data[to++] = image.data[i * 4 + channel] as number;
  }
  return { width, height, mode: channels === 1 ? 'L' : 'RGB', data };
}

/**
 * The decoder knows three components: two pictures of three of the four are decoded. As Pillow, takes all for Adobe's,
 * which writes ink as its lack. With colours apart (YCCK), libjpeg gives the lack of red as cyan, which is what RGB is.
 */
async function decodeInks(bytes: Uint8Array, header: JpegHeader, file: string): Promise<Pixels> {
  const { width, height } = header;
  const isYcck = header.adobe !== null && header.adobe !== 0;
  const colors = await decodeChecked(takeComponents(bytes, [0, 1, 2], isYcck ? 1 : 0, file), header, file);
  const black = await decodeChecked(takeComponents(bytes, [0, 1, 3], 0, file), header, file);
  const data = new Uint8Array(width * height * 4);
  for (let at = 0; at < data.length; at += 4) {
    for (let ink = 0; ink < 3; ink++) {
      const value = colors.data[at + ink] as number;
      data[at + ink] = isYcck ? value : 255 - value;
    }
    data[at + 3] = 255 - (black.data[at + 2] as number);
  }
  return { width, height, mode: 'CMYK', data };
}

async function decodeChecked(bytes: Uint8Array, { width, height }: JpegHeader, file: string): Promise<DecodedImage> {
  const messages: string[] = [];
  let image: DecodedImage;
  try {
    image = await decodeFresh(bytes, messages);
  } catch (cause) {
    throw badPicture('broken', file, { detail: (messages[0] ?? '').slice(0, 200) }, cause);
  }
  if (image.width !== width || image.height !== height) throw badPicture('broken', file, { detail: 'size' });
  return image;
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
