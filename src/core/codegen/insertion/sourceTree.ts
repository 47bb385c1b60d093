/** Syntax trees of a user's code: error-tolerant, positions as in the text. Nothing is executed or judged. */
import type { SyntaxNode, Tree } from '@lezer/common';
import { parser as script } from '@lezer/javascript';
import { parser as python } from '@lezer/python';

export interface SourceTree {
  text: string;
  tree: Tree;
}

/** Markup in TypeScript would take `<Type>value` for an element: a file without any is read without. */
export type SourceLanguage = 'typescript' | 'tsx' | 'javascript' | 'python';

const PARSERS = {
  typescript: script.configure({ dialect: 'ts' }),
  tsx: script.configure({ dialect: 'ts jsx' }),
  javascript: script.configure({ dialect: 'jsx' }),
  python,
};

export function parseSource(text: string, language: SourceLanguage): SourceTree {
  return { text, tree: PARSERS[language].parse(language === 'python' ? text : readable(text)) };
}

/** What the parser does not know of TypeScript, as what it knows, of the same length. */
function readable(text: string): string {
  return text
    .replace(/^([ \t]*declare\s+module\s+)((['"])[^'"\n]*\3)/gm, (_, head: string, name: string) => head + blank(name))
    .replace(/(\btypeof\s+)(import\(\s*(['"])[^'"\n]*\3\s*\))/g, (_, head: string, type: string) => head + blank(type))
    .replace(
      /^([ \t]*import\s+[\w$]+\s*)(=\s*require\s*\()(\s*(['"])[^'"\n]*\4\s*)\)/gm,
      (_, head: string, call: string, module: string) => `${head}${'from'.padEnd(call.length)}${module} `,
    );
}

function blank(text: string): string {
  return 'x'.repeat(text.length);
}

export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child);
  return children;
}

export function textOf({ text }: SourceTree, { from, to }: { from: number; to: number }): string {
  return text.slice(from, to);
}

export function isComment({ name }: { name: string }): boolean {
  return name === 'LineComment' || name === 'BlockComment' || name === 'Comment';
}

export function startOfLine(text: string, at: number): number {
  return text.lastIndexOf('\n', at - 1) + 1;
}

/** Before the line end, which may be `\r\n`. */
export function endOfLine(text: string, at: number): number {
  const found = text.indexOf('\n', at);
  const end = found < 0 ? text.length : found;
  return end > at && text[end - 1] === '\r' ? end - 1 : end;
}

/** What the line begins with, up to `at` when something stands before it. */
export function indentAt(text: string, at: number): string {
  return /^[ \t]*/.exec(text.slice(startOfLine(text, at), at))?.[0] ?? '';
}

export function startsLine(text: string, at: number): boolean {
  return text.slice(startOfLine(text, at), at).trim() === '';
}
