import { badPicture } from './badPicture';
import { maxPixels } from './pixels';

export interface JpegHeader {
  width: number;
  height: number;
  /** 1 grey, 3 colour, 4 inks. */
  components: number;
  /** What Adobe's marker says of the colours: 0 as they are, 1 YCbCr, 2 YCCK; null without it. */
  adobe: number | null;
}

const startOfScan = 0xda;
const adobeMarker = 0xee;

/**
 * Size and colours from the markers before the first scan, without decoding. Refuses what the decoder cannot do
 * (it would end the process) and what Pillow refuses: a file that stops before its end marker.
 */
export function readJpegHeader(bytes: Uint8Array, file: string): JpegHeader {
  let header: JpegHeader | null = null;
  let adobe: number | null = null;
  let at = 2;
  for (;;) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
    if (at + 4 > bytes.length) throw badPicture('truncated', file, { bytes: bytes.length });
    if (bytes[at] !== 0xff) throw badPicture('broken', file, { detail: `marker at byte ${at}` });
    const marker = bytes[at + 1] as number;
    const length = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
    if (length < 2) throw badPicture('broken', file, { detail: `marker at byte ${at}` });
    if (at + 2 + length > bytes.length) throw badPicture('truncated', file, { bytes: bytes.length });
    if (marker === adobeMarker && isAdobe(bytes, at, length)) adobe = bytes[at + 15] ?? null;
    if (isFrame(marker)) header = readFrame(bytes, at, marker, length, file);
    at += 2 + length;
    if (marker === startOfScan) break;
  }
  if (!header) throw badPicture('broken', file, { detail: 'no frame' });
  if (!hasEnd(bytes, at)) throw badPicture('truncated', file, { bytes: bytes.length });
  return { ...header, adobe };
}

/** `Adobe`, its version, two words of flags, and the byte that counts. */
function isAdobe(bytes: Uint8Array, at: number, length: number): boolean {
  return length >= 14 && new TextDecoder('latin1').decode(bytes.subarray(at + 4, at + 9)) === 'Adobe';
}

/** SOF0–SOF15 without DHT (C4), JPG (C8) and DAC (CC), which share their range. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function readFrame(bytes: Uint8Array, at: number, marker: number, length: number, file: string): JpegHeader {
  if (length < 8) throw badPicture('broken', file, { detail: 'frame' });
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, length + 2);
  const precision = view.getUint8(4);
  const [height, width, components] = [view.getUint16(5), view.getUint16(7), view.getUint8(9)];
  if (width === 0 || height === 0) throw badPicture('broken', file, { detail: 'size' });
  if (width * height > maxPixels) throw badPicture('too-many-pixels', file, { width, height, limit: maxPixels });
  if (marker > 0xc2) throw badPicture('unsupported', file, { detail: 'lossless or arithmetic coding' });
  if (precision !== 8) throw badPicture('unsupported', file, { detail: `${precision} bits` });
  if (components !== 1 && components !== 3 && components !== 4)
    throw badPicture('unsupported', file, { detail: `${components} components` });
  return { width, height, components, adobe: null };
}

/** The end marker cannot be part of coded data (FF is followed by 00 there), so finding it anywhere after the first scan's header proves it. */
function hasEnd(bytes: Uint8Array, from: number): boolean {
  for (let at = bytes.lastIndexOf(0xd9); at > from; at = bytes.lastIndexOf(0xd9, at - 1)) {
    if (bytes[at - 1] === 0xff) return true;
  }
  return false;
}
