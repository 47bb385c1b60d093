/**
 * What is read of a user's program, the same for every language: which names stand for what, and the expressions that may
 * load a model or name a layer. Offsets are UTF-16 units into the text. Sources: the parsers' trees (`readTypescript`, `readPython`).
 */

/** By VS Code's names. */
export const codeLanguages = ['typescript', 'typescriptreact', 'javascript', 'javascriptreact', 'python'] as const;
export type ProgramLanguage = (typeof codeLanguages)[number];

/** A string literal. `from` and `to` enclose its content, without quotes. */
export interface TextExpression {
  kind: 'text';
  from: number;
  to: number;
  /** Escapes decoded. */
  text: string;
  quote: Quote;
  /** False while its closing quote is missing. */
  closed: boolean;
  /** False for text that a layer cannot be named by alone: raw, of several pieces, with values in it. */
  plain: boolean;
}

export type Quote = "'" | '"' | '`';

export interface Argument {
  /** For `name=value`. */
  name: string | null;
  value: Expression;
}

interface Place {
  from: number;
  to: number;
}

export type Expression = Place &
  (
    | Omit<TextExpression, 'from' | 'to'>
    | { kind: 'name'; name: string }
    /** `this`; Python's `self` is a name. */
    | { kind: 'this' }
    | { kind: 'member'; object: Expression; property: string }
    | { kind: 'index'; object: Expression; index: Expression }
    | { kind: 'call'; callee: Expression; args: Argument[]; made: boolean }
    | { kind: 'number'; value: number }
    /** `+`, and what templates do. */
    | { kind: 'sum'; parts: Expression[] }
    /** Python's `Path / 'name'`. */
    | { kind: 'slash'; parts: Expression[] }
    | { kind: 'choice'; of: Expression[] }
    | { kind: 'entries'; of: { key: string; value: Expression }[] }
    | { kind: 'function'; at: number }
    /** null, undefined, None. */
    | { kind: 'nothing' }
    /** A list, a class, a comparison: never a model that was loaded. */
    | { kind: 'other' }
    /** May be anything. */
    | { kind: 'unknown' }
  );

export interface Variable {
  writes: Write[];
  /** What `name.member` stands for. */
  members: Map<string, Variable>;
}

export interface Write extends Place {
  /** Where the target's name stands; the write counts after `to`. */
  name: string;
  kind: 'value' | 'parameter' | 'import' | 'declaration';
  /** For imports: what the other module calls it. */
  imported: string | null;
  /** Made when it is asked for; null where nothing is known of it. */
  value: (() => Expression) | null;
  /** The part of the program that is certainly done as a whole, once this is. */
  region: Place;
  /** The function in which it happens. */
  inside: Scope;
}

export interface Scope extends Place {
  kind: 'module' | 'function' | 'class' | 'block';
  parent: Scope | null;
  /** In their order, none within another. */
  children: Scope[];
  variables: Map<string, Variable>;
  /** Functions that have their own `this`. */
  ownThis: boolean;
  /** Python: the name of a method's first parameter. */
  receiver: string | null;
  /** Classes: what `this` and `self` stand for in it. */
  self: Variable;
  /** Functions: what they give back. */
  returns: (() => Expression)[];
  /** Python: names that belong to an outer scope. */
  outer: Map<string, 'global' | 'nonlocal'>;
}

export interface Program {
  language: ProgramLanguage;
  root: Scope;
  /** Calls and index expressions in which a layer may be named or a model loaded, in their order. */
  expressions: Expression[];
  /** Direct assignments to members (`model.layers = …`) and elements (`model.layers[0] = …`). */
  assigned: Expression[];
  comments: (Place & { text: string })[];
  loops: Place[];
  /** Scopes of functions by where they begin. */
  functions: Map<number, Scope>;
  /** All writes, in their order. */
  writes: { write: Write; variable: Variable }[];
}

export function newVariable(): Variable {
  return { writes: [], members: new Map() };
}

export function newScope(kind: Scope['kind'], from: number, to: number, parent: Scope | null): Scope {
  const scope: Scope = {
    kind,
    from,
    to,
    parent,
    children: [],
    variables: new Map(),
    ownThis: false,
    receiver: null,
    self: newVariable(),
    returns: [],
    outer: new Map(),
  };
  parent?.children.push(scope);
  return scope;
}

/** The innermost scope at an offset. */
export function scopeAt(root: Scope, offset: number): Scope {
  let scope = root;
  for (;;) {
    const { children } = scope;
    let low = 0;
    let high = children.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((children[middle]?.to ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    const child = children[low];
    if (!child || child.from > offset) return scope;
    scope = child;
  }
}

/** The function (or module, or class body) that a scope's statements run in. */
export function runsIn(scope: Scope): Scope {
  let at = scope;
  while (at.kind === 'block' && at.parent) at = at.parent;
  return at;
}
