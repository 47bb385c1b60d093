/** Every case of fixtures/images/golden.json: what Keras's `load_img` gives, value for value. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodePicture } from '../../../src/engine/inputs/images/decodePicture';
import { loadPicture } from '../../../src/engine/inputs/images/loadPicture';
import type { PillowFilter } from '../../../src/engine/inputs/images/resamplePillow';
import { images } from '../../fixtures';

interface Case {
  file: string;
  options: {
    target_size?: [number, number];
    interpolation?: PillowFilter;
    color_mode?: 'rgb' | 'grayscale' | 'rgba';
    keep_aspect_ratio?: boolean;
  };
  shape: number[];
  sha256: string;
}

const golden = JSON.parse(readFileSync(path.join(images, 'golden.json'), 'utf8')) as { cases: Case[] };

/** `arrays/png-rgb-png-94.npy` → `png-rgb.png`: the case's own `file` is that of the array. */
function pictureOf(array: string): string {
  const [, name, extension] = /^arrays\/(.*)-(png|jpg)-\d+\.npy$/.exec(array) ?? [];
  return `${name}.${extension}`;
}

describe('pictures as Keras loads them', () => {
  it.each(golden.cases.map((row) => [`${pictureOf(row.file)} ${JSON.stringify(row.options)}`, row] as const))(
    '%s',
    async (_name, row) => {
      const file = pictureOf(row.file);
      const pixels = await decodePicture(readFileSync(path.join(images, file)), file);
      const [height, width] = row.options.target_size ?? [];
      const loaded = loadPicture(pixels, {
        size: height !== undefined && width !== undefined ? { width, height } : undefined,
        resize: 'pillow',
        interpolation: row.options.interpolation ?? 'nearest',
        colorMode: row.options.color_mode ?? 'rgb',
        keepAspectRatio: row.options.keep_aspect_ratio,
      });
      expect([loaded.height, loaded.width, loaded.channels]).toEqual(row.shape);
      // The hash of all values as float32: exact, also above 255.
      expect(createHash('sha256').update(Buffer.from(loaded.values.buffer)).digest('hex')).toBe(row.sha256);
    },
  );
});
