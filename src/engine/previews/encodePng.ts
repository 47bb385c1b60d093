/** Pictures as PNG files, for exports. */
import { encode } from 'fast-png';
import type { Picture } from '../../protocol/engine';

/** The picture as the bytes of an 8-bit RGBA PNG. */
export function encodePng(picture: Picture): Uint8Array<ArrayBuffer> {
  const { width, height, rgba } = picture;
  return new Uint8Array(encode({ width, height, data: rgba, channels: 4, depth: 8 }));
}
