/** Texts in the display language: the English sentence is the key, as in `vscode.l10n`. */

let bundle: Record<string, string> = {};

/** Takes the bundle that the host read; null is English. */
export function useBundle(texts: Record<string, string> | null): void {
  bundle = texts ?? {};
}

/** `t('Layer {name}', { name })`. A placeholder without a value stays as it is. */
export function t(english: string, values: Record<string, string | number> = {}): string {
  const text = Object.hasOwn(bundle, english) ? (bundle[english] ?? english) : english;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? String(values[name]) : whole,
  );
}

/** Two sentences, for one and for many; `{count}` is filled in with grouped digits. */
export function plural(count: number, one: string, many: string): string {
  return t(count === 1 ? one : many, { count: count.toLocaleString() });
}

/** Puts templates (links …) in the places that a sentence of `t` has left open: `fill(t('{tensor} is missing'), { tensor })`. */
export function fill<T>(sentence: string, values: Readonly<Record<string, T>>): (string | T)[] {
  return sentence.split(/(\{\w+\})/).map((part) => {
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    return name !== undefined && Object.hasOwn(values, name) ? (values[name] ?? part) : part;
  });
}
