/** Writes Python as Black lays it out: blocks, signatures, docstrings, imports. */
import type { CodeSnippet, SnippetImport } from '../codeSnippet';
import { pythonProse } from './pythonLiterals';
import { wrapText } from './wrapText';

const WIDTH = 88;
const INDENT = '    ';
const STANDARD_LIBRARY = new Set(['collections.abc', 'pathlib', 'typing']);

/** A paragraph of a docstring; `verbatim` lines (commands) are not wrapped. */
export type Paragraph = string | { verbatim: readonly string[] };

export interface PythonFunction {
  name: string;
  parameters: readonly string[];
  /** Null: not said. */
  returns: string | null;
  doc: readonly Paragraph[];
  decorators?: readonly string[];
}

export class Python {
  private readonly lines: string[] = [];
  private readonly imported = new Map<string, SnippetImport>();
  private depth = 0;

  /** `import module`, or `import module as namespace`. */
  import(module: string, namespace?: string): void {
    this.imported.set(module, { module, names: [], ...(namespace === undefined ? {} : { namespace }) });
  }

  /** `from module import name` */
  importFrom(module: string, name: string): void {
    const known = this.imported.get(module) ?? { module, names: [] };
    if (!known.names.includes(name)) known.names.push(name);
    this.imported.set(module, known);
  }

  line(text: string): void {
    this.lines.push(text === '' ? '' : `${INDENT.repeat(this.depth)}${text}`);
  }

  /** `head(items)tail`, in as many lines as it takes. */
  call(head: string, items: readonly string[], tail = ')'): void {
    this.bracketed(`${head}(`, items, tail);
  }

  /** `head[items]`, in as many lines as it takes. */
  list(head: string, items: readonly string[]): void {
    this.bracketed(`${head}[`, items, ']');
  }

  private bracketed(first: string, items: readonly string[], tail: string): void {
    const joined = items.join(', ');
    const room = WIDTH - INDENT.length * this.depth;
    if (first.length + joined.length + tail.length <= room || items.length === 0) {
      this.line(`${first}${joined}${tail}`);
      return;
    }
    this.line(first);
    this.indented(() => {
      // Black ends a function's only parameter with a comma
      const only = items.length === 1 && first.startsWith('def ');
      if (joined.length <= room - INDENT.length && !only) this.line(joined);
      else for (const item of items) this.line(`${item},`);
    });
    this.line(tail);
  }

  block(head: string, body: () => void): void {
    this.line(head);
    this.indented(body);
  }

  /** A function, or in a class a method: two blank lines before it, or one. */
  function({ name, parameters, returns, doc, decorators = [] }: PythonFunction, body: () => void): void {
    this.separate();
    for (const decorator of decorators) this.line(decorator);
    this.call(`def ${name}`, parameters, returns === null ? '):' : `) -> ${returns}:`);
    this.indented(() => {
      this.docstring(doc);
      body();
    });
  }

  class(head: string, doc: readonly Paragraph[], body: () => void, decorators: readonly string[] = []): void {
    this.separate();
    for (const decorator of decorators) this.line(decorator);
    this.line(`class ${head}:`);
    this.indented(() => {
      this.docstring(doc);
      if (doc.length > 0) this.line('');
      body();
    });
  }

  snippet(): CodeSnippet {
    const imports = [...this.imported.values()].map((item) => ({ ...item, names: [...item.names].sort() }));
    const body = `${this.lines.join('\n').trim()}\n`;
    return { language: 'python', imports, body, untyped: body, text: `${importBlock(imports)}\n\n\n${body}` };
  }

  private indented(body: () => void): void {
    this.depth += 1;
    body();
    this.depth -= 1;
  }

  private separate(): void {
    const last = this.lines.at(-1) ?? '';
    // the first of a class follows its head or its docstring
    if (this.depth > 0 && (last === '' || last.endsWith(':'))) return;
    this.line('');
    if (this.depth === 0) this.line('');
  }

  private docstring(doc: readonly Paragraph[]): void {
    const [summary, ...rest] = doc;
    if (typeof summary !== 'string') return;
    const room = WIDTH - INDENT.length * this.depth;
    const text = pythonProse(summary);
    if (rest.length === 0 && text.length + 6 <= room) {
      this.line(`"""${text}"""`);
      return;
    }
    wrapText(`"""${text}`, room).forEach((line) => this.line(line));
    for (const paragraph of rest) {
      this.line('');
      const lines =
        typeof paragraph === 'string'
          ? wrapText(pythonProse(paragraph), room)
          : paragraph.verbatim.map((line) => `${INDENT}${pythonProse(line)}`);
      lines.forEach((line) => this.line(line));
    }
    this.line('"""');
  }
}

/** The import statements: the standard library's first, `import` before `from`, each by name. */
export function importBlock(imports: readonly SnippetImport[]): string {
  const written = (own: boolean): string =>
    imports
      .filter(({ module }) => STANDARD_LIBRARY.has(module) === own)
      .sort((a, b) => Number(a.names.length > 0) - Number(b.names.length > 0) || (a.module < b.module ? -1 : 1))
      .map(importLine)
      .join('\n');
  return [written(true), written(false)].filter((section) => section !== '').join('\n\n');
}

export function importLine({ module, names, namespace }: SnippetImport): string {
  if (names.length > 0) return `from ${module} import ${names.join(', ')}`;
  return namespace === undefined ? `import ${module}` : `import ${module} as ${namespace}`;
}
