// As much of VS Code as completion touches, for measurements without one.
export class Position {
  constructor(line, character) {
    this.line = line;
    this.character = character;
  }
}
const before = (a, b) => a.line < b.line || (a.line === b.line && a.character <= b.character);
export class Range {
  constructor(start, end) {
    this.start = start;
    this.end = end;
  }
  get isSingleLine() {
    return this.start.line === this.end.line;
  }
  contains(position) {
    return before(this.start, position) && before(position, this.end);
  }
}
export class CompletionItem {
  constructor(label, kind) {
    this.label = label;
    this.kind = kind;
  }
}
export class CompletionList {
  constructor(items, isIncomplete) {
    this.items = items;
    this.isIncomplete = isIncomplete;
  }
}
export const CompletionItemKind = { Value: 11 };
export const NotebookCellKind = { Code: 2 };
export const FileType = { File: 1 };
export class EventEmitter {}
export class MarkdownString {}
export class Uri {}
export const workspace = {};
export const l10n = { t: (text) => text };

/** A document; `edit` gives it another text. */
export function textDocument(languageId) {
  let text = '';
  let starts = [0];
  const offsetAt = ({ line, character }) => starts[line] + character;
  return {
    uri: { scheme: 'file', fragment: '' },
    languageId,
    version: 0,
    edit(changed) {
      this.version += 1;
      text = changed;
      starts = [0];
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    },
    getText: (range) => (range ? text.slice(offsetAt(range.start), offsetAt(range.end)) : text),
    positionAt: (offset) => {
      const line = starts.findLastIndex((start) => start <= offset);
      return new Position(line, offset - starts[line]);
    },
  };
}
