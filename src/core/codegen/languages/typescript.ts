/** Writes TypeScript, and the same without types. */
import CodeBlockWriter from 'code-block-writer';
import type { CodeSnippet, SnippetImport } from '../codeSnippet';
import type { CodeTask } from '../codeTask';
import { commentText } from '../literals';
import { taskNames } from './typescriptNames';
import { writePreparation } from './typescriptPictures';
import { typescriptParts, type TypeScriptPart } from './typescriptParts';
import { wrapText } from './wrapText';

/** How the same code is written once more. */
export interface Style {
  typed: boolean;
  exported: boolean;
}

/** Longer than this, and parameters, arguments and members get a line each. */
const LINE = 110;

/**
 * Writes the code in each of its forms.
 * @param write is called once for each.
 */
export function snippet(task: CodeTask, write: (code: TypeScript) => void): CodeSnippet {
  const module = task.options.runtime === 'tfjs-node' ? '@tensorflow/tfjs-node' : '@tensorflow/tfjs';
  const imports: SnippetImport[] = [{ module, names: [], namespace: 'tf' }];
  const render = (style: Style): string => {
    const code = new TypeScript(style);
    write(code);
    writePreparation(code, task, taskNames(task).inputs);
    code.writeParts();
    return `${code.toString().trimEnd()}\n`;
  };
  return {
    language: 'typescript',
    imports,
    body: render({ typed: true, exported: false }),
    untyped: render({ typed: false, exported: false }),
    text: `import * as tf from '${module}';\n\n${render({ typed: true, exported: true })}`,
  };
}

/** How the lines to type begin that comments hold. */
const COMMAND = 'model-slicer ';

export interface Signature {
  name: string;
  /** As they are written, types included. */
  parameters: readonly string[];
  /** Type of the result. */
  result: string;
  async?: boolean;
  /** Helpers are not. */
  exported?: boolean;
}

export class TypeScript {
  private readonly writer = new CodeBlockWriter({ indentNumberOfSpaces: 2, newLine: '\n' });
  private readonly needed = new Set<TypeScriptPart>();

  constructor(private readonly style: Style) {}

  toString(): string {
    return this.writer.toString();
  }

  /** `: type`, where types are written. */
  type(text: string): string {
    return this.style.typed ? `: ${text}` : '';
  }

  /** ` as type`, where types are written. */
  cast(text: string): string {
    return this.style.typed ? ` as ${text}` : '';
  }

  /** What has a place only where types are written: `override `, a type argument. */
  typed(text: string): string {
    return this.style.typed ? text : '';
  }

  line(text: string): void {
    this.writer.writeLine(text);
  }

  indented(body: () => void): void {
    this.writer.indent(body);
  }

  blank(): void {
    this.writer.blankLine();
  }

  /** `head(items)tail`, in as many lines as it takes. */
  call(head: string, items: readonly string[], tail = ');'): void {
    this.bracketed(`${head}(`, items, tail, '');
  }

  /** `head{ items }tail`, in as many lines as it takes. */
  object(head: string, items: readonly string[], tail: string): void {
    this.bracketed(`${head}{`, items, `}${tail}`, ' ');
  }

  private bracketed(head: string, items: readonly string[], tail: string, pad: string): void {
    const line = `${head}${pad}${items.join(', ')}${pad}${tail}`;
    if (line.length + 2 * this.writer.getIndentationLevel() <= LINE) {
      this.line(line);
      return;
    }
    this.line(head);
    this.writer.indent(() => items.forEach((item) => this.line(`${item},`)));
    this.line(tail);
  }

  /** `head {` … `}` and what follows the brace. */
  block(head: string, body: () => void, tail = ''): void {
    this.writer
      .write(head.endsWith('(') ? head : `${head} `)
      .inlineBlock(body)
      .write(tail)
      .newLine();
  }

  tryFinally(body: () => void, last: () => void): void {
    this.writer.write('try ').inlineBlock(body).write(' finally ').inlineBlock(last).newLine();
  }

  /** Longer lines are broken between words; those of a command line stay whole. */
  comment(lines: readonly string[]): void {
    const room = LINE - 2 * this.writer.getIndentationLevel() - ' * '.length;
    const [only, ...others] = lines.map(commentText).flatMap((text) => wrapped(text, room));
    if (only === undefined) return;
    if (others.length === 0 && only.length < room) {
      this.line(`/** ${only} */`);
      return;
    }
    this.line('/**');
    for (const text of [only, ...others]) this.line(` * ${text}`);
    this.line(' */');
  }

  /** A function with its comment, apart from what stands before it. */
  function(comment: readonly string[], signature: Signature, body: () => void): void {
    this.apart();
    this.comment(comment);
    const head = `${this.exported(signature.exported)}${signature.async ? 'async ' : ''}function ${signature.name}`;
    this.block(this.signature(head, signature.parameters, signature.result), body);
  }

  /** A method; its class stands around it. */
  method(head: string, parameters: readonly string[], result: string, body: () => void): void {
    this.apart();
    this.block(this.signature(head, parameters, result), body);
  }

  /** A class; nothing of it is exported where nothing is. */
  class(comment: readonly string[], head: string, body: () => void, { exported = true } = {}): void {
    this.apart();
    this.comment(comment);
    this.block(`${this.exported(exported)}class ${head}`, body);
  }

  /** Only where types are written. */
  interface(comment: readonly string[], name: string, members: readonly { comment: string; text: string }[]): void {
    if (!this.style.typed) return;
    this.apart();
    this.comment(comment);
    this.block(`${this.exported(true)}interface ${name}`, () => {
      for (const member of members) {
        this.comment([member.comment]);
        this.line(`${member.text};`);
      }
    });
  }

  /** Adds a helper to the end of the code, once. */
  part(name: TypeScriptPart): void {
    this.needed.add(name);
  }

  /** The helpers that were asked for, and those that they ask for. */
  writeParts(): void {
    // a set goes through what is added on the way
    for (const name of this.needed) typescriptParts[name](this);
  }

  /** Whether the file's own exports are written. */
  exported(wanted = true): string {
    return wanted && this.style.exported ? 'export ' : '';
  }

  /** A blank line, unless something begins here. */
  apart(): void {
    const text = this.writer.toString();
    if (text !== '' && !text.endsWith('{\n')) this.blank();
  }

  private signature(head: string, parameters: readonly string[], result: string): string {
    const type = result === '' ? '' : this.type(result);
    const line = `${head}(${parameters.join(', ')})${type}`;
    if (line.length <= LINE) return line;
    return `${head}(\n${parameters.map((parameter) => `  ${parameter},\n`).join('')})${type}`;
  }
}

function wrapped(text: string, room: number): string[] {
  return text.startsWith(COMMAND) ? [text] : wrapText(text, room);
}
