/** How a TypeScript or JavaScript file is written, and a snippet rewritten in that way. */
import { isComment, parseSource, textOf, type SourceLanguage, type SourceTree } from './sourceTree';

export interface ScriptStyle {
  indent: string;
  quotes: 'single' | 'double';
  semicolons: boolean;
  newLine: '\n' | '\r\n';
}

/** What the file shows; null where it shows nothing. */
export type ShownStyle = { [Part in keyof ScriptStyle]: ScriptStyle[Part] | null };

const STATEMENTS = new Set([
  'VariableDeclaration',
  'ExpressionStatement',
  'ReturnStatement',
  'ThrowStatement',
  'ImportDeclaration',
  'TypeAliasDeclaration',
]);

export function styleOf(source: SourceTree): ShownStyle {
  const { text } = source;
  const counts = { single: 0, double: 0, with: 0, without: 0 };
  source.tree.iterate({
    enter: (node) => {
      if (node.name === 'String' && node.node.parent?.name !== 'JSXAttribute')
        counts[text[node.from] === '"' ? 'double' : 'single'] += 1;
      if (!STATEMENTS.has(node.name)) return;
      if (text[node.to - 1] === ';') counts.with += 1;
      // `for (const a of b)` has none either way
      else if (node.node.parent && /^(Script|Block|ExportDeclaration)$/.test(node.node.parent.name))
        counts.without += 1;
    },
  });
  return {
    indent: indentOf(text),
    quotes: counts.single === counts.double ? null : counts.single > counts.double ? 'single' : 'double',
    semicolons: counts.with === 0 && counts.without === 0 ? null : counts.with >= counts.without,
    newLine: text.includes('\r\n') ? '\r\n' : text.includes('\n') ? '\n' : null,
  };
}

/** What most indented lines begin with. */
function indentOf(text: string): string | null {
  // a comment's star is set one column in
  const indents = [...text.matchAll(/^([ \t]+)[^\s*]/gm)].map((match) => match[1] ?? '');
  if (indents.length === 0) return null;
  if (indents.filter((indent) => indent.startsWith('\t')).length > indents.length / 2) return '\t';
  const widths = indents.filter((indent) => !indent.includes('\t')).map((indent) => indent.length);
  const smallest = Math.min(...widths.filter((width) => width > 1));
  return Number.isFinite(smallest) ? ' '.repeat(smallest % 4 === 0 ? 4 : smallest === 3 ? 3 : 2) : null;
}

/** Generated code, which has two spaces, single quotes and semicolons. */
export function restyled(code: string, language: SourceLanguage, { quotes, semicolons }: ScriptStyle): string {
  const quoted = quotes === 'double' ? withDoubleQuotes(parseSource(code, language)) : code;
  return semicolons ? quoted : withoutSemicolons(quoted, language);
}

function withDoubleQuotes(source: SourceTree): string {
  let done = '';
  let at = 0;
  source.tree.iterate({
    enter: (node) => {
      if (node.name !== 'String' || source.text[node.from] !== "'") return;
      const content = source.text
        .slice(node.from + 1, node.to - 1)
        .replace(/\\[^]|"/g, (c) => (c === "\\'" ? "'" : c === '"' ? '\\"' : c));
      done += `${source.text.slice(at, node.from)}"${content}"`;
      at = node.to;
    },
  });
  return done + source.text.slice(at);
}

/** Only where the line end says as much, and the code is read as before. */
function withoutSemicolons(code: string, language: SourceLanguage): string {
  const source = parseSource(code, language);
  let done = '';
  let at = 0;
  source.tree.iterate({
    enter: (node) => {
      if (node.name !== ';') return;
      const owner = node.node.parent?.name ?? '';
      if (!STATEMENTS.has(owner) && owner !== 'PropertyDeclaration' && owner !== 'ObjectType') return;
      if (!/^[ \t]*(\/\/[^\n]*)?(\n\s*(?!\s)[^([`+\-/*,.<]|\n*$)/.test(code.slice(node.to, node.to + 2000))) return;
      done += code.slice(at, node.from);
      at = node.to;
    },
  });
  done += code.slice(at);
  return shapeOf(parseSource(done, language)) === shapeOf(source) ? done : code;
}

function shapeOf(source: SourceTree): string {
  const names: string[] = [];
  source.tree.iterate({
    enter: (node) => {
      if (node.name !== ';' && !isComment(node)) names.push(node.name === '⚠' ? `⚠${textOf(source, node)}` : node.name);
    },
  });
  return names.join(' ');
}

/** At a level, in the file's own unit; generated code has two spaces. */
export function indented(code: string, around: string, { indent, newLine }: ScriptStyle): string {
  return code
    .split('\n')
    .map((line) => {
      const own = /^(?: {2})*/.exec(line)?.[0].length ?? 0;
      return line.trim() === '' ? '' : `${around}${indent.repeat(own / 2)}${line.slice(own)}`;
    })
    .join(newLine);
}
