/**
 * PNG → pixels. An own reader because npm's inflate bombs to their end, trust declared sizes, and misread interlaced
 * pictures of less than 8 bits; Node's zlib does the work.
 */
import { crc32, inflateSync } from 'node:zlib';
import { badPicture } from './badPicture';
import { maxPixels, type PixelMode, type Pixels } from './pixels';
import { unfilter } from './unfilterPng';

interface Header {
  width: number;
  height: number;
  depth: number;
  colorType: number;
  channels: number;
  interlaced: boolean;
}

/** One of the seven reduced pictures of Adam7, or the whole picture. */
interface Pass {
  x: number;
  y: number;
  xStep: number;
  yStep: number;
  columns: number;
  rows: number;
  rowBytes: number;
}

const channelCount: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** Depths that each colour type may have, from the PNG specification, 11.2.2. */
const depths: Record<number, number[]> = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] };
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/**
 * A PNG of any colour type, depth and interlace. 16 bits per channel: grey stays `I;16`, colours keep the high byte
 * (Pillow's `RGB;16B`). Palettes are resolved. Errors: `bad-picture`.
 */
export function decodePng(bytes: Uint8Array, file: string): Pixels {
  const { header, palette, alphas, packed } = readChunks(bytes, file);
  const passes = passesOf(header);
  const size = passes.reduce((sum, pass) => sum + (pass.rowBytes + 1) * pass.rows, 0);
  const values = samples(inflate(packed, size, file), header, passes, file);
  const { width, height, depth, colorType } = header;
  if (colorType === 3) return fromPalette(header, values, palette, alphas, file);
  if (colorType === 0 && depth === 16) return { width, height, mode: 'I;16', data: values };
  const mode: PixelMode = ({ 0: 'L', 2: 'RGB', 4: 'LA', 6: 'RGBA' } as const)[colorType as 0 | 2 | 4 | 6];
  const scale = depth < 8 ? 255 / ((1 << depth) - 1) : 1;
  const shift = depth === 16 ? 8 : 0;
  const data =
    values instanceof Uint8Array && scale === 1 ? values : Uint8Array.from(values, (v) => (v >> shift) * scale);
  return { width, height, mode, data };
}

interface Chunks {
  header: Header;
  palette: Uint8Array | null;
  alphas: Uint8Array | null;
  packed: Uint8Array[];
}

function readChunks(bytes: Uint8Array, file: string): Chunks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const packed: Uint8Array[] = [];
  let header: Header | null = null;
  let palette: Uint8Array | null = null;
  let alphas: Uint8Array | null = null;
  for (let at = 8; ;) {
    const length = at + 8 <= bytes.length ? view.getUint32(at) : 0;
    const end = at + 12 + length;
    if (end > bytes.length) throw badPicture('truncated', file, { bytes: bytes.length });
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const content = bytes.subarray(at + 8, at + 8 + length);
    if ((type === 'IHDR') !== (header === null)) throw badPicture('broken', file, { detail: 'IHDR' });
    // Capital first letter: a chunk without which the picture cannot be read. The others may be damaged.
    const critical = /^[A-Z]/.test(type);
    if (critical && crc32(bytes.subarray(at + 4, at + 8 + length)) !== view.getUint32(end - 4)) {
      throw badPicture('broken', file, { detail: `checksum of ${type}` });
    }
    if (type === 'IHDR') header = readHeader(view, at + 8, length, file);
    else if (type === 'PLTE') palette = content;
    else if (type === 'tRNS') alphas = content;
    else if (type === 'IDAT') packed.push(content);
    else if (type === 'IEND') break;
    else if (critical) throw badPicture('unsupported', file, { detail: `chunk ${type.replace(/[^A-Za-z]/g, '?')}` });
    at = end;
  }
  if (!header || packed.length === 0) throw badPicture('broken', file, { detail: 'IDAT' });
  return { header, palette, alphas, packed };
}

function readHeader(view: DataView, at: number, length: number, file: string): Header {
  if (length !== 13) throw badPicture('broken', file, { detail: 'IHDR' });
  const [width, height] = [view.getUint32(at), view.getUint32(at + 4)];
  const [depth, colorType] = [view.getUint8(at + 8), view.getUint8(at + 9)];
  const [compression, filter, interlace] = [view.getUint8(at + 10), view.getUint8(at + 11), view.getUint8(at + 12)];
  const channels = channelCount[colorType];
  if (width === 0 || height === 0 || channels === undefined || !depths[colorType]?.includes(depth)) {
    throw badPicture('broken', file, { detail: 'IHDR' });
  }
  if (compression !== 0 || filter !== 0 || interlace > 1) throw badPicture('unsupported', file, { detail: 'IHDR' });
  if (width * height > maxPixels) throw badPicture('too-many-pixels', file, { width, height, limit: maxPixels });
  return { width, height, depth, colorType, channels, interlaced: interlace === 1 };
}

function passesOf(header: Header): Pass[] {
  const { width, height, depth, channels } = header;
  const steps = header.interlaced ? adam7 : ([[0, 0, 1, 1]] as const);
  return steps
    .map(([x, y, xStep, yStep]) => {
      const columns = Math.max(0, Math.ceil((width - x) / xStep));
      const rows = Math.max(0, Math.ceil((height - y) / yStep));
      return { x, y, xStep, yStep, columns, rows, rowBytes: Math.ceil((columns * depth * channels) / 8) };
    })
    .filter((pass) => pass.columns > 0 && pass.rows > 0);
}

function inflate(packed: Uint8Array[], size: number, file: string): Uint8Array {
  let content: Uint8Array;
  try {
    // A little more than the picture needs is tolerated, as by Pillow; a bomb is not.
    content = inflateSync(Buffer.concat(packed), { maxOutputLength: size + 65_536 });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    throw badPicture(code === 'Z_BUF_ERROR' ? 'truncated' : 'broken', file, { detail: code }, cause);
  }
  if (content.length < size) throw badPicture('truncated', file, { bytes: content.length, expected: size });
  return content;
}

/** All values in the order of the picture, one per channel, not yet scaled. */
function samples(content: Uint8Array, header: Header, passes: Pass[], file: string): Uint8Array | Uint16Array {
  const { width, height, depth, channels } = header;
  const values = new (depth === 16 ? Uint16Array : Uint8Array)(width * height * channels);
  const pixelBytes = Math.max(1, (depth * channels) >> 3);
  const mask = (1 << depth) - 1;
  let at = 0;
  for (const pass of passes) {
    const block = content.subarray(at, at + (pass.rowBytes + 1) * pass.rows);
    if (!unfilter(block, pass.rowBytes, pass.rows, pixelBytes)) throw badPicture('broken', file, { detail: 'filter' });
    for (let row = 0; row < pass.rows; row++) {
      const from = row * (pass.rowBytes + 1) + 1;
      let to = ((pass.y + row * pass.yStep) * width + pass.x) * channels;
      const skip = (pass.xStep - 1) * channels;
      for (let column = 0, value = 0; column < pass.columns; column++, to += skip) {
        for (let channel = 0; channel < channels; channel++, value++, to++) {
          if (depth === 8) values[to] = block[from + value] as number;
          else if (depth === 16) {
            values[to] = ((block[from + value * 2] as number) << 8) | (block[from + value * 2 + 1] as number);
          } else {
            const bit = value * depth;
            values[to] = ((block[from + (bit >> 3)] as number) >> (8 - depth - (bit & 7))) & mask;
          }
        }
      }
    }
    at += block.length;
  }
  return values;
}

function fromPalette(
  header: Header,
  indices: Uint8Array | Uint16Array,
  palette: Uint8Array | null,
  alphas: Uint8Array | null,
  file: string,
): Pixels {
  if (!palette || palette.length % 3 !== 0) throw badPicture('broken', file, { detail: 'PLTE' });
  const { width, height } = header;
  const channels = alphas ? 4 : 3;
  const colors = palette.length / 3;
  const data = new Uint8Array(width * height * channels);
  for (let i = 0, to = 0; i < indices.length; i++) {
    const index = indices[i] as number;
    // Pillow fills a short palette up with black.
    const from = index < colors ? index * 3 : -1;
    for (let channel = 0; channel < 3; channel++) data[to++] = from < 0 ? 0 : (palette[from + channel] as number);
    if (alphas) data[to++] = alphas[index] ?? 255;
  }
  return { width, height, mode: alphas ? 'RGBA' : 'RGB', data };
}
