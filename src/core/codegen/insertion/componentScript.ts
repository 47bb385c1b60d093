/** The script of a single-file component (Vue, Svelte) or an HTML page. */

export interface ComponentScript {
  /** Of what is between the tags. */
  start: number;
  end: number;
  typed: boolean;
}

/** The script that the cursor is in, else the first that has code of its own; null where there is none. */
export function componentScript(text: string, cursor: number): ComponentScript | null {
  const scripts = [...text.matchAll(/<script\b([^>]*)>([^]*?)<\/script\s*>/gi)]
    .filter(([, attributes = '']) => !/\bsrc\s*=|type\s*=\s*["']?application\/(json|ld)/i.test(attributes))
    .map((match) => {
      const [, attributes = '', code = ''] = match;
      const tag = match.index + '<script'.length + attributes.length + 1;
      const start = tag + (/^[ \t]*\r?\n/.exec(code)?.[0].length ?? 0);
      return { start, end: tag + code.length, typed: /\blang\s*=\s*["']?tsx?\b/i.test(attributes) };
    });
  return scripts.find(({ start, end }) => start <= cursor && cursor <= end) ?? scripts[0] ?? null;
}
