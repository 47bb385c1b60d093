/** Numbers as people read them. Counts are grouped; values get few significant digits. */

const grouped = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });

/** `18,496` */
export function formatCount(count: number): string {
  return grouped.format(count);
}

const units: readonly [number, string][] = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
];

/** `2.4 M`; below 10,000 the grouped digits. */
export function formatCompact(count: number): string {
  if (Math.abs(count) < 10_000) return formatCount(count);
  for (const [size, unit] of units) {
    if (Math.abs(count) >= size) return `${trimZeros((count / size).toPrecision(3))} ${unit}`;
  }
  return formatCount(count);
}

/** `136 KB`, in steps of 1024 as the explorer does. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let value = bytes / 1024;
  for (const unit of ['KB', 'MB', 'GB']) {
    if (value < 1000) return `${value < 10 ? trimZeros(value.toFixed(1)) : value.toFixed(0)} ${unit}`;
    value /= 1024;
  }
  return `${value.toFixed(1)} TB`;
}

/** One value of a tensor in about `digits` significant digits: `0.213`, `-1.2e-7`, `NaN`. */
export function formatValue(value: number, digits = 4): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  if (value === 0) return '0';
  const size = Math.abs(value);
  const text =
    Number.isInteger(value) && size < 1e7
      ? String(size)
      : size >= 1e6 || size < 1e-4
        ? trimExponent(size.toExponential(Math.max(1, digits - 2)))
        : trimZeros(size.toPrecision(digits));
  return value < 0 ? `−${text}` : text;
}

/** `61 %`; a share that is neither none nor all never shows as 0 or 100. */
export function formatPercent(part: number, whole: number): string {
  if (whole === 0) return '–';
  const percent = (100 * part) / whole;
  if (percent > 0 && percent < 1) return '<1 %';
  if (percent > 99 && percent < 100) return '>99 %';
  return `${Math.round(percent)} %`;
}

/** `0.8 ms`, `12 ms`, `1.4 s` */
export function formatMilliseconds(ms: number): string {
  if (ms < 10) return `${trimZeros(ms.toFixed(1))} ms`;
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${trimZeros((ms / 1000).toFixed(1))} s`;
}

function trimZeros(text: string): string {
  return text.includes('.') && !text.includes('e') ? text.replace(/\.?0+$/, '') : text;
}

function trimExponent(text: string): string {
  const [mantissa = '', exponent = ''] = text.split('e');
  return `${trimZeros(mantissa)}e${exponent.replace('+', '')}`;
}
