/** A model's names in generated code: only ever data, whatever they hold. */

/** A single-quoted string literal. */
export function stringLiteral(text: string): string {
  const escaped = text.replace(/[\\'\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (c) => {
    if (c === '\\' || c === "'") return `\\${c}`;
    if (c === '\n') return '\\n';
    const code = c.codePointAt(0) ?? 0;
    return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return `'${escaped}'`;
}

/** Text that cannot end a comment or start a line. */
export function commentText(text: string): string {
  const plain = text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '?')
    .replace(/\*\//g, '*\u2215')
    .replace(/\/\*/g, '\u2215*');
  return plain.length > 300 ? `${plain.slice(0, 299)}…` : plain;
}

/** `[null, 28, 28, 1]` */
export function shapeLiteral(shape: readonly (number | null)[]): string {
  return `[${shape.map((dim) => String(dim)).join(', ')}]`;
}

/** Four axes, one of them colours: the last, or with sizes behind it the second. */
export function isPictureShape(shape: readonly (number | null)[] | null): boolean {
  if (shape?.length !== 4) return false;
  const isColors = (size: number | null | undefined): boolean => size === 1 || size === 3 || size === 4;
  return isColors(shape[3]) || (isColors(shape[1]) && (shape[2] ?? 5) > 4 && (shape[3] ?? 5) > 4);
}

/** The type of a tensor of this shape. */
export function tensorType(shape: readonly (number | null)[] | null): string {
  const rank = shape?.length ?? 0;
  return rank >= 1 && rank <= 6 ? `tf.Tensor${rank}D` : 'tf.Tensor';
}

const RESERVED = new Set(
  (
    'abstract any arguments as async await boolean break case catch class const continue debugger declare default delete do else ' +
    'enum eval export extends false finally for from function get if implements import in instanceof interface is keyof let module ' +
    'namespace never new null number object of package private protected public require return set static string super switch ' +
    'symbol this throw true try type typeof undefined unknown var void while with yield ' +
    'tf model extractor features flat scores base classes nested node call expectShape inputsOf input inputs source tensor shape layer error Error JSON Promise String Array Object NaN Infinity ' +
    'layerAt callAgain copyWeights slice copy shared twin modelTopology part taps tapped segment range prefix known layers names value visit mask kwargs save record ' +
    'epoch batches everyBatches kept current attribute feature before after picture undefined document URL Map console Reflect'
  ).split(' '),
);

/** `conv_2` → `conv2`; words of what an identifier may hold, else `fallback`. */
export function camelCase(name: string, fallback: string): string {
  const words = name.match(/[A-Za-z0-9]+/g) ?? [];
  const joined = words
    .map((word, i) =>
      i === 0 ? word.charAt(0).toLowerCase() + word.slice(1) : word.charAt(0).toUpperCase() + word.slice(1),
    )
    .join('');
  const trimmed = joined.slice(0, 40);
  if (trimmed === '') return fallback;
  return /^\d/.test(trimmed) ? `${fallback}${trimmed}` : trimmed;
}

export function pascalCase(name: string, fallback: string): string {
  const camel = camelCase(name, fallback);
  return camel.charAt(0).toUpperCase() + camel.slice(1);
}

/** Variable names of one function: no two alike, none that means something already. */
export class Identifiers {
  private readonly used: Set<string>;

  /** @param used names that are taken. */
  constructor(used: readonly string[] = []) {
    this.used = new Set(used);
  }

  take(name: string, fallback: string): string {
    const base = camelCase(name, fallback);
    let free = RESERVED.has(base) ? `${base}Tensor` : base;
    for (let i = 2; this.used.has(free); i++) free = `${base}${i}`;
    this.used.add(free);
    return free;
  }
}
