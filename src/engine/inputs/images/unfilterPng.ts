/**
 * Undoes PNG's row filters in place. `block`: `rows` rows of one filter byte and `rowBytes` bytes.
 * `pixelBytes`: bytes per pixel, at least 1. False for an unknown filter.
 */
export function unfilter(block: Uint8Array, rowBytes: number, rows: number, pixelBytes: number): boolean {
  for (let row = 0; row < rows; row++) {
    const start = row * (rowBytes + 1) + 1;
    const end = start + rowBytes;
    // The row above; the first row has zeros above it.
    const up = row === 0 ? -1 : start - (rowBytes + 1);
    const filter = block[start - 1];
    if (filter === 1) undoSub(block, start, end, pixelBytes);
    else if (filter === 2) {
      if (up >= 0) for (let i = start, j = up; i < end; i++, j++) block[i] = byte(block, i) + byte(block, j);
    } else if (filter === 3) undoAverage(block, start, end, up, pixelBytes);
    else if (filter === 4) {
      // Without a row above, Paeth predicts the left neighbour.
      if (up < 0) undoSub(block, start, end, pixelBytes);
      else undoPaeth(block, start, end, up, pixelBytes);
    } else if (filter !== 0) return false;
  }
  return true;
}

function byte(block: Uint8Array, at: number): number {
  return block[at] as number;
}

function undoSub(block: Uint8Array, start: number, end: number, pixelBytes: number): void {
  for (let i = start + pixelBytes; i < end; i++) block[i] = byte(block, i) + byte(block, i - pixelBytes);
}

function undoAverage(block: Uint8Array, start: number, end: number, up: number, pixelBytes: number): void {
  for (let i = start, j = up; i < end; i++, j++) {
    const left = i - start < pixelBytes ? 0 : byte(block, i - pixelBytes);
    const above = up < 0 ? 0 : byte(block, j);
    block[i] = byte(block, i) + ((left + above) >> 1);
  }
}

function undoPaeth(block: Uint8Array, start: number, end: number, up: number, pixelBytes: number): void {
  for (let i = start, j = up; i < end; i++, j++) {
    const inside = i - start >= pixelBytes;
    const left = inside ? byte(block, i - pixelBytes) : 0;
    const above = byte(block, j);
    const corner = inside ? byte(block, j - pixelBytes) : 0;
    const p = left + above - corner;
    const toLeft = Math.abs(p - left);
    const toAbove = Math.abs(p - above);
    const toCorner = Math.abs(p - corner);
    const predicted = toLeft <= toAbove && toLeft <= toCorner ? left : toAbove <= toCorner ? above : corner;
    block[i] = byte(block, i) + predicted;
  }
}
