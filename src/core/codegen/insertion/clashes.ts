/** What a snippet calls its functions where their names are taken. */

export interface Declaration {
  name: string;
  /** With the comments that belong to it. */
  from: number;
  to: number;
  /** Without comments, spaces and what else is a matter of style. */
  essence: string;
  /** Names that it uses or declares. */
  uses: ReadonlySet<string>;
}

export interface FittedNames {
  renamed: Map<string, string>;
  /** There already, word for word: used as it is. */
  reused: Declaration[];
}

/**
 * @param own what the snippet declares. @param existing what the file declares at its top level.
 * @param visible all names that mean something at the place. @param used all names that the snippet uses.
 */
export function fitNames(
  own: readonly Declaration[],
  existing: readonly Declaration[],
  visible: ReadonlySet<string>,
  used: ReadonlySet<string>,
): FittedNames {
  const there = new Map(existing.map((declaration) => [declaration.name, declaration]));
  const clashing = own.filter(({ name }) => visible.has(name));
  let reused = clashing.filter(({ name, essence }) => there.get(name)?.essence === essence);
  for (let before = -1; before !== reused.length;) {
    before = reused.length;
    const other = new Set(clashing.filter((declaration) => !reused.includes(declaration)).map(({ name }) => name));
    reused = reused.filter(({ uses }) => ![...uses].some((name) => other.has(name)));
  }
  // all of it once more is what the user asked for, under other names
  if (reused.length === own.length) reused = [];
  const renamed = new Map<string, string>();
  const taken = new Set([...visible, ...used]);
  for (const declaration of clashing) {
    if (reused.includes(declaration)) continue;
    const { name } = declaration;
    let free = name;
    for (let i = 2; taken.has(free); i++) free = `${name}${i}`;
    taken.add(free);
    renamed.set(name, free);
  }
  return { renamed, reused };
}

/** Other things than the reused ones, apart by one blank line as they were. */
export function withoutDeclarations(text: string, reused: readonly Declaration[], gap = '\n\n'): string {
  let rest = text;
  for (const { from, to } of [...reused].sort((a, b) => b.from - a.from))
    rest = `${rest.slice(0, from).trimEnd()}${gap}${rest.slice(to).replace(/^\s*\n/, '')}`;
  return rest.trim();
}

export function reportOf({ renamed, reused }: FittedNames): {
  renamed: { from: string; to: string }[];
  reused: string[];
} {
  return { renamed: [...renamed].map(([from, to]) => ({ from, to })), reused: reused.map(({ name }) => name) };
}
