/** Parses a text again after an edit: what is as before is taken from the tree before. */
import { TreeFragment, type ChangedRange, type Parser, type Tree } from '@lezer/common';

/** A program takes a few milliseconds; nesting that is broken thousands of times would take minutes. */
const MAX_PARSE_MS = 1000;

export interface ParsedText {
  text: string;
  tree: Tree;
}

/** Null for a text that takes too long. */
export function parseAgain(parser: Parser, text: string, before: ParsedText | null): ParsedText | null {
  const started = Date.now();
  const parsing = parser.startParse(text, before ? fragmentsOf(before, text) : []);
  for (let steps = 1; ; steps += 1) {
    const tree = parsing.advance();
    if (tree) return { text, tree };
    if (steps % 1000 === 0 && Date.now() - started > MAX_PARSE_MS) return null;
  }
}

function fragmentsOf({ text: old, tree }: ParsedText, text: string): readonly TreeFragment[] {
  const shorter = Math.min(old.length, text.length);
  let same = 0;
  while (same < shorter && old.charCodeAt(same) === text.charCodeAt(same)) same += 1;
  let behind = 0;
  while (
    behind < shorter - same &&
    old.charCodeAt(old.length - behind - 1) === text.charCodeAt(text.length - behind - 1)
  )
    behind += 1;
  const change: ChangedRange = { fromA: same, toA: old.length - behind, fromB: same, toB: text.length - behind };
  return TreeFragment.applyChanges(TreeFragment.addTree(tree), [change]);
}
