/** Columns for people: text left, numbers right, nothing of a model's names that a terminal would act on. */
export function textTable(titles: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? shortNumber(cell) : printable(cell))));
  const right = titles.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number'));
  const widths = titles.map((title, i) => Math.max(title.length, ...cells.map((row) => [...(row[i] ?? '')].length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => {
        const space = ' '.repeat(Math.max(0, (widths[i] ?? 0) - [...cell].length));
        return right[i] ? space + cell : cell + space;
      })
      .join('  ')
      .trimEnd();
  return [line(titles), widths.map((width) => '─'.repeat(width)).join('  '), ...cells.map(line)].join('\n');
}

export function shortNumber(value: number): string {
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return size >= 1e6 || size < 1e-4 ? value.toExponential(3) : String(Number(value.toPrecision(5)));
}

/** Control characters made visible. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}

/** `(null, 28, 28, 1)`; `?` where not even the rank is known. */
export function shapeText(shape: readonly (number | null)[] | null): string {
  return shape === null ? '?' : `(${shape.map((dim) => dim ?? 'null').join(', ')})`;
}

export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  const unit = bytes < 1024 ** 2 ? ['KB', 1024] : bytes < 1024 ** 3 ? ['MB', 1024 ** 2] : ['GB', 1024 ** 3];
  return `${(bytes / Number(unit[1])).toFixed(1)} ${unit[0]}`;
}
