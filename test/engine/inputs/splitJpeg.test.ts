/** Pictures of four inks, value for value as Keras's `load_img` gives them; `golden/cmyk.py` made them. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { SlicerError } from '../../../src/core/errors';
import { decodePicture } from '../../../src/engine/inputs/images/decodePicture';
import { loadPicture } from '../../../src/engine/inputs/images/loadPicture';
import { noise } from '../noise';

const golden = JSON.parse(readFileSync(path.join(__dirname, 'golden/cmyk.json'), 'utf8')) as {
  files: Record<string, string>;
  cases: { name: string; mode: 'rgb' | 'grayscale' | 'rgba'; shape: number[]; sha256: string }[];
};

const bytesOf = (name: string): Buffer => Buffer.from(golden.files[name] ?? '', 'base64');

test.each(golden.cases)('$name as $mode', async ({ name, mode, shape, sha256 }) => {
  const pixels = await decodePicture(bytesOf(name));
  expect(pixels.mode).toBe('CMYK');
  const loaded = loadPicture(pixels, { resize: 'pillow', interpolation: 'nearest', colorMode: mode });
  expect([loaded.height, loaded.width, loaded.channels]).toEqual(shape);
  expect(createHash('sha256').update(Buffer.from(loaded.values.buffer)).digest('hex')).toBe(sha256);
});

describe('a damaged one', () => {
  const codeOf = async (bytes: Uint8Array): Promise<string> => {
    try {
      await decodePicture(bytes);
      return 'decoded';
    } catch (error) {
      if (!(error instanceof SlicerError)) throw error;
      return `${error.code} ${error.data.reason as string}`;
    }
  };

  test.each(Object.keys(golden.files))(
    '%s: whatever byte is another, it decodes or says what is wrong',
    async (name) => {
      const whole = bytesOf(name);
      for (let seed = 0; seed < 40; seed += 1) {
        const changed = Buffer.from(whole);
        const [where = 0, what = 0] = noise(seed, 2);
        const at = Math.min(whole.length - 1, Math.floor((where + 0.5) * whole.length));
        changed[at] = Math.floor((what + 0.5) * 256);
        expect(await codeOf(changed)).toMatch(
          /^(decoded|bad-picture (broken|truncated|unsupported|not-a-picture|too-many-pixels))$/,
        );
      }
      for (const part of [0.3, 0.6, 0.9])
        expect(await codeOf(whole.subarray(0, Math.floor(whole.length * part)))).toBe('bad-picture truncated');
    },
  );

  test('two inks of one name, and a size that only two inks have', async () => {
    const one = bytesOf('baseline');
    const frame = one.indexOf(Buffer.from([0xff, 0xc0]));
    const twice = Buffer.from(one);
    twice[frame + 13] = twice[frame + 10] ?? 0;
    expect(await codeOf(twice)).toBe('bad-picture unsupported');
    const rare = Buffer.from(one);
    rare[frame + 20] = 0x22;
    expect(await codeOf(rare)).toBe('bad-picture unsupported');
  });
});
