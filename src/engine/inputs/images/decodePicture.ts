/** PNG and JPEG files → pixels, bit for bit as Pillow (so Keras's `load_img`) reads them. */
import { badPicture } from './badPicture';
import { decodeJpeg } from './decodeJpeg';
import { decodePng } from './decodePng';
import type { Pixels } from './pixels';

/** Larger files are not read. */
export const maxPictureBytes = 128 * 2 ** 20;

/**
 * Decodes by content, whatever the file is called. EXIF rotation is ignored, as Keras does.
 * Errors: `bad-picture` (see `BadPictureReason`) naming `file`.
 */
export async function decodePicture(bytes: Uint8Array, file = 'picture'): Promise<Pixels> {
  if (bytes[0] === 0x89 && bytes[1] === 0x50 && bytes[2] === 0x4e && bytes[3] === 0x47) return decodePng(bytes, file);
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return decodeJpeg(bytes, file);
  throw badPicture('not-a-picture', file, { found: sniffed(bytes) });
}

/** What the bytes look like, for the sentence: people rename files. */
function sniffed(bytes: Uint8Array): string {
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, 16));
  if (bytes.length === 0) return 'empty';
  if (text.startsWith('GIF8')) return 'GIF';
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'WebP';
  if (text.startsWith('BM')) return 'BMP';
  if (text.startsWith('II*\0') || text.startsWith('MM\0*')) return 'TIFF';
  if (text.slice(4, 8) === 'ftyp') return /avi[fs]/.test(text.slice(8, 12)) ? 'AVIF' : 'HEIC';
  if (text.trimStart().startsWith('<')) return 'SVG or HTML';
  return 'unknown';
}
