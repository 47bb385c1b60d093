import { readFileSync } from 'node:fs';
import path from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { decode, encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { SlicerError } from '../../../src/core/errors';
import { decodePicture } from '../../../src/engine/inputs/images/decodePicture';
import { images } from '../../fixtures';

function chunk(type: string, content: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(content.length);
  head.write(type, 4, 'latin1');
  const tail = Buffer.alloc(4);
  tail.writeUInt32BE(crc32(Buffer.concat([head.subarray(4), content])));
  return Buffer.concat([head, content, tail]);
}

interface Header {
  width: number;
  height: number;
  depth: number;
  color: number;
  interlace?: number;
}

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

function ihdr({ width, height, depth, color, interlace = 0 }: Header): Buffer {
  const content = Buffer.alloc(13);
  content.writeUInt32BE(width, 0);
  content.writeUInt32BE(height, 4);
  content.set([depth, color, 0, 0, interlace], 8);
  return chunk('IHDR', content);
}

function png(header: Header, rows: Uint8Array, more: Buffer[] = []): Buffer {
  return Buffer.concat([
    signature,
    ihdr(header),
    ...more,
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

async function failure(bytes: Uint8Array): Promise<SlicerError> {
  try {
    await decodePicture(bytes, 'x.png');
  } catch (caught) {
    if (caught instanceof SlicerError) return caught;
    throw caught;
  }
  throw new Error('it was decoded');
}

/** Samples of a picture by formula, so that any arrangement of them can be made. */
const sample = (x: number, y: number, c: number, depth: number): number =>
  (x * 7 + y * 13 + c * 5 + ((x * y) % 11)) % 2 ** depth;

function packedRow(header: Header, channels: number, columns: number[], y: number): number[] {
  const values = columns.flatMap((x) => Array.from({ length: channels }, (_, c) => sample(x, y, c, header.depth)));
  if (header.depth === 8) return values;
  if (header.depth === 16) return values.flatMap((value) => [value >> 8, value & 255]);
  const bytes = new Array<number>(Math.ceil((values.length * header.depth) / 8)).fill(0);
  values.forEach((value, i) => {
    const bit = i * header.depth;
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (value << (8 - header.depth - (bit & 7)));
  });
  return bytes;
}

const passes = [[0, 0, 1, 1]];
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

function rowsOf(header: Header, channels: number): Uint8Array {
  const bytes: number[] = [];
  for (const [x0 = 0, y0 = 0, xStep = 1, yStep = 1] of header.interlace ? adam7 : passes) {
    const columns = [];
    for (let x = x0; x < header.width; x += xStep) columns.push(x);
    if (columns.length === 0) continue;
    for (let y = y0; y < header.height; y += yStep) bytes.push(0, ...packedRow(header, channels, columns, y));
  }
  return Uint8Array.from(bytes);
}

const kinds = [
  { color: 0, channels: 1, depths: [1, 2, 4, 8, 16] },
  { color: 2, channels: 3, depths: [8, 16] },
  { color: 4, channels: 2, depths: [8, 16] },
  { color: 6, channels: 4, depths: [8, 16] },
];

describe('PNG', () => {
  for (const { color, channels, depths } of kinds) {
    for (const depth of depths) {
      it.each([0, 1])(`colour type ${color}, ${depth} bits, interlace %i`, async (interlace) => {
        for (const [width, height] of [
          [13, 9],
          [1, 1],
          [3, 2],
          [8, 8],
        ] as const) {
          const header = { width, height, depth, color, interlace };
          const pixels = await decodePicture(png(header, rowsOf(header, channels)));
          const scale = depth < 8 ? 255 / (2 ** depth - 1) : 1;
          const shift = depth === 16 && color !== 0 ? 8 : 0;
          const expected = [];
          for (let y = 0; y < height; y++)
            for (let x = 0; x < width; x++)
              for (let c = 0; c < channels; c++) expected.push((sample(x, y, c, depth) >> shift) * scale);
          expect(Array.from(pixels.data)).toEqual(expected);
          expect([pixels.width, pixels.height]).toEqual([width, height]);
        }
      });
    }
  }

  it.each([0, 1])('palettes, with transparency and too few colours, interlace %i', async (interlace) => {
    const header = { width: 9, height: 5, depth: 4, color: 3, interlace };
    const palette = chunk(
      'PLTE',
      Uint8Array.from({ length: 30 }, (_, i) => i),
    );
    const opaque = await decodePicture(png(header, rowsOf(header, 1), [palette]));
    expect(opaque.mode).toBe('RGB');
    const index = sample(3, 2, 0, 4);
    expect(Array.from(opaque.data.subarray((2 * 9 + 3) * 3, (2 * 9 + 3) * 3 + 3))).toEqual(
      index < 10 ? [index * 3, index * 3 + 1, index * 3 + 2] : [0, 0, 0],
    );
    const clear = await decodePicture(png(header, rowsOf(header, 1), [palette, chunk('tRNS', Uint8Array.of(7, 8))]));
    expect([clear.mode, clear.data[3], clear.data.length]).toEqual(['RGBA', 7, 9 * 5 * 4]);
  });

  it('undoes every filter: fast-png writes and reads the same', async () => {
    for (const file of ['png-rgb.png', 'png-gray.png', 'png-rgba.png', 'png-odd-13x17.png']) {
      const bytes = readFileSync(path.join(images, file));
      expect(Array.from((await decodePicture(bytes)).data), file).toEqual(Array.from(decode(bytes).data));
    }
    const data = Uint8Array.from({ length: 20 * 10 * 3 }, (_, i) => (i * i) % 251);
    expect((await decodePicture(encode({ width: 20, height: 10, data, channels: 3, depth: 8 }))).data).toEqual(data);
    // Filters 1 to 4 on a first and a second row: each by its definition in the specification, 9.2.
    const filtered = [
      [1, 10, 5, 250],
      [1, 1, 1, 1],
      [2, 3, 4, 5],
      [3, 8, 8, 8],
      [4, 9, 9, 9],
      [4, 1, 2, 3],
    ];
    const plain = [
      [10, 15, 9],
      [1, 2, 3],
      [4, 6, 8],
      [10, 16, 20],
      [19, 28, 37],
      [20, 30, 40],
    ];
    const pixels = await decodePicture(
      png({ width: 3, height: 6, depth: 8, color: 0 }, Uint8Array.from(filtered.flat())),
    );
    expect(Array.from(pixels.data)).toEqual(plain.flat());
  });

  it('passes over damaged notes that are not the picture', async () => {
    const profile = chunk('iCCP', Buffer.from('x'));
    profile.writeUInt32BE(1, profile.length - 4);
    const header = { width: 1, height: 1, depth: 8, color: 0 };
    expect((await decodePicture(png(header, Uint8Array.of(0, 7), [profile]))).data[0]).toBe(7);
  });

  const one: Header = { width: 2, height: 2, depth: 8, color: 0 };
  const rows = Uint8Array.of(0, 1, 2, 0, 3, 4);
  const good = png(one, rows);
  it.each([
    ['signature only', signature, 'truncated'],
    ['cut', good.subarray(0, good.length - 20), 'truncated'],
    ['without its end', good.subarray(0, good.length - 12), 'truncated'],
    ['length beyond the end', Buffer.concat([signature, Buffer.from('ffffffff49484452', 'hex')]), 'truncated'],
    ['flipped bit', Buffer.from(good.map((byte, i) => (i === 44 ? byte ^ 1 : byte))), 'broken'],
    ['too few rows', png(one, rows.subarray(0, 3)), 'truncated'],
    ['no width', png({ ...one, width: 0 }, rows), 'broken'],
    ['colour type 5', png({ ...one, color: 5 }, rows), 'broken'],
    ['3 bits', png({ ...one, depth: 3 }, rows), 'broken'],
    ['16-bit palette', png({ ...one, depth: 16, color: 3 }, rows), 'broken'],
    ['unknown filter', png(one, Uint8Array.of(9, 1, 2, 0, 3, 4)), 'broken'],
    ['palette missing', png({ ...one, color: 3 }, rows), 'broken'],
    ['no data', Buffer.concat([signature, ihdr(one), chunk('IEND', Buffer.alloc(0))]), 'broken'],
    [
      'data that is not deflated',
      Buffer.concat([signature, ihdr(one), chunk('IDAT', Buffer.from('hello')), chunk('IEND', Buffer.alloc(0))]),
      'broken',
    ],
    ['huge', png({ ...one, width: 2 ** 31, height: 2 ** 31 }, rows), 'too-many-pixels'],
    ['a little too large', png({ ...one, width: 8001, height: 8000 }, rows), 'too-many-pixels'],
    ['bomb', png(one, new Uint8Array(50_000_000)), 'broken'],
    ['second header', Buffer.concat([signature, ihdr(one), ihdr(one)]), 'broken'],
  ])('refuses: %s', async (_name, bytes, reason) => {
    const refused = await failure(bytes);
    expect([refused.code, refused.data.file]).toEqual(['bad-picture', 'x.png']);
    // Where the inflated bytes end early or late, zlib decides which of the two it is.
    expect(reason === 'broken' ? ['broken', 'truncated'] : [reason]).toContain(refused.data.reason);
  });
});

describe('JPEG', () => {
  const jpeg = readFileSync(path.join(images, 'jpeg-420.jpg'));
  const progressive = readFileSync(path.join(images, 'jpeg-444-progressive.jpg'));

  it.each([
    ['marker only', Buffer.from([0xff, 0xd8, 0xff]), 'truncated'],
    ['cut in the headers', jpeg.subarray(0, 200), 'truncated'],
    ['cut in the data', jpeg.subarray(0, jpeg.length - 500), 'truncated'],
    ['progressive, cut', progressive.subarray(0, progressive.length >> 1), 'truncated'],
    [
      'noise after the marker',
      Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), Buffer.from('nothing like a picture at all')]),
      'truncated',
    ],
    ['tables wiped out', Buffer.from(jpeg.map((byte, i) => (i > 20 && i < 150 ? 0 : byte))), 'broken'],
  ])('refuses: %s', async (_name, bytes, reason) => {
    const refused = await failure(bytes);
    expect([refused.code, refused.data.reason]).toEqual(['bad-picture', reason]);
  });

  it('refuses sizes that would not fit before decoding', async () => {
    const at = jpeg.indexOf(Buffer.from([0xff, 0xc0, 0x00, 0x11]));
    const huge = Buffer.from(jpeg);
    huge.writeUInt16BE(65_535, at + 5);
    huge.writeUInt16BE(65_535, at + 7);
    expect((await failure(huge)).data).toMatchObject({ reason: 'too-many-pixels', width: 65_535, height: 65_535 });
  });

  it('outlives pictures that make its decoder give up, and leaves the exit code alone', async () => {
    const tables = jpeg.indexOf(Buffer.from([0xff, 0xc4]));
    for (let i = 0; i < 40; i++) {
      const broken = Buffer.from(jpeg);
      for (let k = 0; k < 6; k++) broken[tables + ((i * 37 + k * 11) % 400)] = (i * 91 + k * 53) & 255;
      await decodePicture(broken, 'x.jpg').catch((error: unknown) => {
        expect(error).toBeInstanceOf(SlicerError);
      });
    }
    expect(process.exitCode).toBeUndefined();
    const pixels = await decodePicture(jpeg);
    expect([pixels.mode, pixels.width, pixels.height]).toEqual(['RGB', 160, 107]);
  });

  it('decodes several at once', async () => {
    const all = await Promise.all([jpeg, progressive, jpeg].map((bytes) => decodePicture(bytes)));
    expect(all[0]?.data).toEqual(all[2]?.data);
    expect(all[1]?.data).not.toEqual(all[0]?.data);
  });
});

describe('other files', () => {
  it.each([
    ['', 'empty'],
    ['GIF89a', 'GIF'],
    ['RIFF\0\0\0\0WEBPVP8 ', 'WebP'],
    ['BM______', 'BMP'],
    ['II*\0', 'TIFF'],
    ['\0\0\0\x1cftypheic', 'HEIC'],
    ['\0\0\0\x1cftypavif', 'AVIF'],
    ['<svg xmlns="">', 'SVG or HTML'],
    ['hello', 'unknown'],
  ])('%j is named %s', async (text, found) => {
    expect((await failure(Buffer.from(text, 'latin1'))).data).toMatchObject({
      reason: 'not-a-picture',
      found,
      file: 'x.png',
    });
  });
});
