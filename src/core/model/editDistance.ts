/** Which names somebody may have meant. */

/** Longer texts are compared by their first characters only. */
const MAX_LENGTH = 80;
const MAX_CANDIDATES = 20_000;

/** The `count` names nearest to `text`, by their whole or by their last part; none when all are far off. */
export function nearest(text: string, names: readonly string[], count: number): string[] {
  const wanted = text.slice(0, MAX_LENGTH).toLowerCase();
  const limit = Math.max(2, Math.ceil(wanted.length * 0.6));
  const scored = names.slice(0, MAX_CANDIDATES).flatMap((name, position) => {
    const whole = name.toLowerCase();
    const last = whole.slice(whole.lastIndexOf('/') + 1);
    const part = wanted.length >= 3 && whole.includes(wanted) ? 1 : Number.POSITIVE_INFINITY;
    const score = Math.min(
      part,
      editDistance(wanted, whole.slice(0, MAX_LENGTH), limit),
      editDistance(wanted, last.slice(0, MAX_LENGTH), limit) + 0.5,
    );
    return score <= limit ? [{ name, score, position }] : [];
  });
  scored.sort((a, b) => a.score - b.score || a.position - b.position);
  return scored.slice(0, count).map(({ name }) => name);
}

/** Insertions, deletions and exchanges between two texts; more than `limit` is infinity. */
export function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return Number.POSITIVE_INFINITY;
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const exchange = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(exchange, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    if (Math.min(...row) > limit) return Number.POSITIVE_INFINITY;
    previous = row;
  }
  return previous[b.length] ?? Number.POSITIVE_INFINITY;
}
