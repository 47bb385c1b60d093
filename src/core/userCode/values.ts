/** What the expressions of a program stand for, as far as models, their layers and their paths go. */
import type { ModelComment } from './modelComments';
import { modelPath, type ModelPath } from './modelPath';
import { folderOf, inProgram, joined, pathOfCall, summed, type PathValue } from './pathValues';
import type { Argument, Expression, Program, Variable, Write } from './program';
import { variableOf, writesBefore } from './variables';

export interface ModelLoad {
  path: ModelPath;
  /** `graph`: what comes of it has no layers. */
  kind: 'layers' | 'graph' | 'comment';
  /** Of the call, or of the comment. */
  from: number;
  to: number;
  /** Of the argument that holds the path. */
  pathFrom: number;
  pathTo: number;
  /** The program adds or removes layers of it: what its file holds says little. */
  changed: boolean;
}

/** One step into a model. Indices count as the program's language does (TF.js or Keras); `fromEnd`: negative ones may be meant. */
export type LayerStep = { by: 'name'; name: string } | { by: 'index'; index: number; fromEnd: boolean };

export type Value =
  /** A model that was loaded, or what is reached from it. */
  | { kind: 'model'; load: ModelLoad; steps: LayerStep[] }
  | PathValue
  | { kind: 'nothing' }
  /** Certainly not one model that was loaded from a known path. */
  | { kind: 'other' };

export type ModelValue = Extract<Value, { kind: 'model' }>;

const OTHER: Value = { kind: 'other' };
const UNKNOWN: Value = { kind: 'unknown' };
const MAX_DEPTH = 40;
/** Evaluated expressions of one program; what goes beyond is unknown. */
const MAX_STEPS = 200_000;
const MAX_LAYER_STEPS = 32;

export class Values {
  private readonly loads = new Map<number, ModelLoad>();
  private readonly annotated = new Map<Variable, ModelLoad | null>();
  private readonly writes = new Map<Write, Value>();
  /** Functions whose results are being looked for. */
  private readonly pending = new Set<Write>();
  private steps = 0;
  private readonly python: boolean;

  constructor(
    private readonly program: Program,
    comments: readonly ModelComment[],
  ) {
    this.python = program.language === 'python';
    for (const { write, path, from, to, pathFrom, pathTo } of comments) {
      const load: ModelLoad = { path, kind: 'comment', from, to, pathFrom, pathTo, changed: false };
      this.loads.set(from, load);
      if (!write) continue;
      const before = this.annotated.get(write.variable);
      // two comments that say different things say nothing
      this.annotated.set(write.variable, before === undefined || (before && samePath(before, load)) ? load : null);
    }
  }

  /** Calls that load a model and comments that name one, in the order of their places. */
  get found(): ModelLoad[] {
    return [...this.loads.values()].sort((a, b) => a.from - b.from);
  }

  loadAt(from: number): ModelLoad | undefined {
    return this.loads.get(from);
  }

  of(expression: Expression, depth = 0): Value {
    this.steps += 1;
    if (depth > MAX_DEPTH || this.steps > MAX_STEPS) return UNKNOWN;
    switch (expression.kind) {
      case 'name':
      case 'this':
        return this.named(expression, depth);
      case 'member':
        return this.member(expression, depth);
      case 'index':
        return this.element(expression.object, expression.index, this.python, depth);
      case 'call':
        return this.call(expression, depth);
      case 'text':
        return { kind: 'path', path: { text: expression.text, from: 'anywhere' } };
      case 'sum':
        return summed(expression.parts.map((part) => this.of(part, depth + 1)));
      case 'slash':
        return joined(expression.parts.map((part) => this.of(part, depth + 1)));
      case 'choice':
        return merge(expression.of.map((part) => this.of(part, depth + 1)));
      case 'nothing':
        return { kind: 'nothing' };
      case 'unknown':
        return UNKNOWN;
      case 'number':
      case 'entries':
      case 'function':
      case 'other':
        return OTHER;
    }
  }

  /** Which layer a call of `getLayer` or `get_layer` asks for, and the expression that says so. */
  layerAsked(args: readonly Argument[]): { step: LayerStep; says: Expression } | null {
    const named = (key: string): Expression | undefined => args.find(({ name }) => name === key)?.value;
    const positional = args.filter(({ name }) => name === null).map(({ value }) => value);
    const [first, second] = positional;
    if (this.python) {
      const name = named('name') ?? first;
      const index = named('index') ?? (named('name') ? first : second);
      if (name && name.kind !== 'nothing' && index && index.kind !== 'nothing') return null;
      return asName(name) ?? asIndex(index, true);
    }
    if (second && second.kind !== 'nothing') return asIndex(second, false);
    if (first?.kind === 'entries') return asName(first.of.find(({ key }) => key === 'name')?.value);
    return asName(first) ?? asIndex(first, false);
  }

  private named(expression: Expression, depth: number): Value {
    if (expression.kind === 'name') {
      if (this.python ? expression.name === '__file__' : expression.name === '__filename') return { kind: 'file' };
      if (!this.python && expression.name === '__dirname') return inProgram('');
    }
    const variable = variableOf(this.program, expression);
    return variable ? this.variable(variable, expression.from, depth) : UNKNOWN;
  }

  private variable(variable: Variable, offset: number, depth: number): Value {
    const annotated = this.annotated.get(variable);
    const values = writesBefore(this.program, variable, offset).map((write): Value => {
      const known = this.written(write, depth);
      // what nobody knows, the comment says
      return annotated && known.kind !== 'model' && known.kind !== 'nothing' ? says(annotated) : known;
    });
    const merged = merge(values);
    return annotated && (merged.kind === 'unknown' || merged.kind === 'nothing') ? says(annotated) : merged;
  }

  private written(write: Write, depth: number): Value {
    const known = this.writes.get(write);
    if (known) return known;
    // `a = b, b = a`
    this.writes.set(write, UNKNOWN);
    const value = write.value ? this.of(write.value(), depth + 1) : UNKNOWN;
    this.writes.set(write, value);
    return value;
  }

  private member(expression: Expression & { kind: 'member' }, depth: number): Value {
    const { object, property } = expression;
    if (object.kind === 'name' && object.name === 'import.meta') {
      if (property === 'url' || property === 'filename') return { kind: 'file' };
      if (property === 'dirname') return inProgram('');
    }
    const variable = variableOf(this.program, expression);
    if (variable) return this.variable(variable, expression.from, depth);
    // URL and Path objects stand for their paths; what else is reached from a model is no model
    const value = this.of(object, depth + 1);
    if (value.kind === 'model') return OTHER;
    if (property === 'parent') return folderOf(value);
    if (/^(?:href|pathname)$/.test(property) && (value.kind === 'path' || value.kind === 'file')) return value;
    return UNKNOWN;
  }

  /** `model.layers[2]` */
  private element(list: Expression, index: Expression, fromEnd: boolean, depth: number): Value {
    const model = this.modelWithLayers(list, depth);
    const step = asIndex(index, fromEnd)?.step;
    if (!model) return UNKNOWN;
    return step ? into(model, step) : OTHER;
  }

  /** The model whose `layers` an expression is. */
  private modelWithLayers(list: Expression, depth = 0): ModelValue | null {
    if (list.kind !== 'member' || list.property !== 'layers') return null;
    const value = this.of(list.object, depth + 1);
    return value.kind === 'model' ? value : null;
  }

  private call(expression: Expression & { kind: 'call' }, depth: number): Value {
    const { callee, args, made } = expression;
    const name = this.calleeName(callee);
    const first = args[0]?.value;
    if (made) {
      const base = args[1] ? this.of(args[1].value, depth + 1) : UNKNOWN;
      return name === 'URL' && first && base.kind === 'file'
        ? joined([inProgram(''), this.of(first, depth + 1)])
        : OTHER;
    }
    const load = this.load(expression, name, depth);
    if (load) return says(load);
    if (callee.kind === 'member') {
      const { object, property } = callee;
      if (property === (this.python ? 'get_layer' : 'getLayer')) {
        const model = this.of(object, depth + 1);
        const asked = this.layerAsked(args);
        if (model.kind === 'model') return asked ? into(model, asked.step) : OTHER;
        return UNKNOWN;
      }
      if (!this.python && property === 'at' && first) return this.element(object, first, true, depth);
    }
    const path = pathOfCall(expression, name, (part) => this.of(part, depth + 1));
    if (path) return path;
    if (callee.kind === 'name') {
      const given = this.returned(callee, depth);
      if (given) return given;
    }
    // models that are built, not loaded
    if (this.python ? /^[A-Z]/.test(name) : /^(?:model|sequential)$/.test(name)) return OTHER;
    return UNKNOWN;
  }

  /** The called function's own name, also where it was imported by another. */
  private calleeName(callee: Expression): string {
    if (callee.kind === 'member') return callee.property;
    if (callee.kind !== 'name') return '';
    const variable = variableOf(this.program, callee);
    const [only] = variable?.writes ?? [];
    return variable?.writes.length === 1 && only?.kind === 'import' && only.imported ? only.imported : callee.name;
  }

  private load(expression: Expression & { kind: 'call' }, name: string, depth: number): ModelLoad | null {
    const known = this.loads.get(expression.from);
    if (known && known.to === expression.to) return known;
    const { callee, args, from, to } = expression;
    if (!this.python && name !== 'loadLayersModel' && name !== 'loadGraphModel') return null;
    if (this.python && (name !== 'load_model' || !isKeras(callee))) return null;
    if (callee.kind === 'name' && isDefinedHere(variableOf(this.program, callee))) return null;
    const argument =
      args.find((item) => item.name === 'filepath')?.value ?? args.find((item) => item.name === null)?.value;
    const value = argument ? this.of(argument, depth + 1) : UNKNOWN;
    const path = value.kind === 'path' ? modelPath(value.path) : null;
    if (!argument || !path) return null;
    const kind = name === 'loadGraphModel' ? 'graph' : 'layers';
    const load = { path, kind, from, to, pathFrom: argument.from, pathTo: argument.to, changed: false } as const;
    const made: ModelLoad = { ...load };
    this.loads.set(from, made);
    return made;
  }

  /** What a function of this file gives back; null when it is none. */
  private returned(callee: Expression, depth: number): Value | null {
    const variable = variableOf(this.program, callee);
    const [only] = variable?.writes ?? [];
    if (!variable || variable.writes.length !== 1 || !only?.value || this.pending.has(only)) return null;
    const value = only.value();
    const scope = value.kind === 'function' ? this.program.functions.get(value.at) : undefined;
    if (!scope) return null;
    this.pending.add(only);
    try {
      return merge(scope.returns.map((returned) => this.of(returned(), depth + 1)));
    } finally {
      this.pending.delete(only);
    }
  }
}

function says(load: ModelLoad): Value {
  return { kind: 'model', load, steps: [] };
}

function into({ load, steps }: ModelValue, step: LayerStep): Value {
  return steps.length < MAX_LAYER_STEPS ? { kind: 'model', load, steps: [...steps, step] } : OTHER;
}

function asName(expression: Expression | undefined): { step: LayerStep; says: Expression } | null {
  if (expression?.kind !== 'text' || !expression.plain) return null;
  return { step: { by: 'name', name: expression.text }, says: expression };
}

export function asIndex(
  expression: Expression | undefined,
  fromEnd: boolean,
): { step: LayerStep; says: Expression } | null {
  if (expression?.kind !== 'number' || !Number.isSafeInteger(expression.value)) return null;
  return { step: { by: 'index', index: expression.value, fromEnd }, says: expression };
}

/** One value where all that are something agree; what differs is nothing to build on. */
function merge(values: readonly Value[]): Value {
  const some = values.filter(({ kind }) => kind !== 'nothing');
  const [first, ...rest] = some;
  if (!first) return values[0] ?? UNKNOWN;
  return rest.every((value) => same(first, value)) ? first : OTHER;
}

function same(a: Value, b: Value): boolean {
  if (a.kind === 'model' && b.kind === 'model')
    return samePath(a.load, b.load) && JSON.stringify(a.steps) === JSON.stringify(b.steps);
  if (a.kind === 'path' && b.kind === 'path') return a.path.text === b.path.text && a.path.from === b.path.from;
  return a.kind === b.kind && a.kind !== 'other';
}

function samePath(a: ModelLoad, b: ModelLoad): boolean {
  return a.path.text === b.path.text && a.path.from === b.path.from;
}

/** `keras.models.load_model`, `tf.keras.saving.load_model`, `load_model`; not mlflow's or an object's own. */
function isKeras(callee: Expression): boolean {
  if (callee.kind === 'name') return true;
  if (callee.kind !== 'member') return false;
  const chain: string[] = [];
  let at: Expression = callee.object;
  while (at.kind === 'member' && chain.length < 8) {
    chain.push(at.property);
    at = at.object;
  }
  if (at.kind !== 'name') return false;
  chain.push(at.name);
  return !chain.includes('mlflow') && /^(?:models|saving|keras|k|K)$/.test(chain[0] ?? '');
}

/** A function of the program's own by that name. */
function isDefinedHere(variable: Variable | null): boolean {
  return variable !== null && variable.writes.some(({ kind }) => kind !== 'import');
}
