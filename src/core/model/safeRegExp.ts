/** Regular expressions that a user types, used on names that a file supplies: none may run for minutes. */

/**
 * @returns null for what is no expression, or one whose time could explode: a repeated group that repeats or branches
 * inside, back references, too many repetitions.
 */
export function safeRegExp(source: string, flags = ''): RegExp | null {
  if (source.length > 200 || /\\[1-9k]/.test(source) || (source.match(/[*+{]/g)?.length ?? 0) > 6) return null;
  const plain = source.replace(/\\[^]/g, '_').replace(/\[(?:[^\]])*\]/g, '_');
  if (repeatsRepetition(plain)) return null;
  try {
    return new RegExp(source, flags);
  } catch {
    return null;
  }
}

/** `(a+)*`, `(a|b)+`: a group with `*`, `+`, `{`, `?` or `|` in it that is itself repeated. */
function repeatsRepetition(source: string): boolean {
  const open: boolean[] = [];
  let inside = false;
  for (let i = 0; i < source.length; i += 1) {
    const c = source[i];
    if (c === '(') {
      open.push(inside);
      inside = false;
      if (source[i + 1] === '?') i += 1;
    } else if (c === ')') {
      if (inside && /[*+{]/.test(source[i + 1] ?? '')) return true;
      inside = inside || (open.pop() ?? false);
    } else if (c !== undefined && '*+{?|'.includes(c)) inside = true;
  }
  return false;
}
