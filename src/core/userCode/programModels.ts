/** Which models a program loads, and where it names their layers. Never guesses: what may be another model is left out. */
import type { Tree } from '@lezer/common';
import type { ClosedText } from './closeOpenStrings';
import { modelComments } from './modelComments';
import type { Expression, Program, ProgramLanguage, TextExpression } from './program';
import { readPython } from './readPython';
import { readTypescript } from './readTypescript';
import { asIndex, Values, type LayerStep, type ModelLoad, type ModelValue } from './values';

export interface LayerUse {
  load: ModelLoad;
  /** From the model to this layer; the last one is what stands here. */
  steps: LayerStep[];
  /** Of the content of the string, or of the number. */
  from: number;
  to: number;
  /** The literal that holds the name; null for an index. */
  literal: Pick<TextExpression, 'quote' | 'closed'> | null;
  /** Where the expression ends that gives the layer. */
  end: number;
}

export interface ProgramModels {
  loads: ModelLoad[];
  uses: LayerUse[];
}

/** Places are in the order of the text. `source` is Python's text with its open strings closed, null for TypeScript. */
export function modelsOf(
  tree: Tree,
  text: string,
  language: ProgramLanguage,
  source: ClosedText | null,
): ProgramModels {
  const program = source ? readPython(tree, source) : readTypescript(tree, text, language);
  const comments = modelComments(program, text);
  const values = new Values(program, comments);
  const wholeFile = comments.filter(({ write }) => write === null);
  const [first] = wholeFile;
  const agreed =
    first && wholeFile.every(({ path }) => path.text === first.path.text) ? values.loadAt(first.from) : undefined;
  const uses: LayerUse[] = [];
  for (const expression of program.expressions) {
    const asked = layerAt(expression, program, values);
    if (!asked) {
      // a load that nothing is asked of counts, too
      if (expression.kind === 'call') values.of(expression);
      continue;
    }
    const value = values.of(asked.model);
    const nameless = value.kind === 'unknown' || value.kind === 'nothing';
    const model = nameless && agreed && asked.fits ? whole(agreed) : value;
    if (model.kind !== 'model' || model.load.kind === 'graph') continue;
    uses.push(useOf(model, asked, expression));
  }
  markChanged(program, values);
  return { loads: values.found, uses: uses.sort((a, b) => a.from - b.from) };
}

function whole(load: ModelLoad): ModelValue {
  return { kind: 'model', load, steps: [] };
}

interface Asked {
  model: Expression;
  step: LayerStep;
  says: Expression;
  /** The model may be one that only a comment for the whole file names. */
  fits: boolean;
}

function layerAt(expression: Expression, program: Program, values: Values): Asked | null {
  const python = program.language === 'python';
  if (expression.kind === 'index') return element(expression.object, expression.index, python);
  if (expression.kind !== 'call' || expression.callee.kind !== 'member') return null;
  const { callee, args } = expression;
  const [first] = args;
  if (!python && callee.property === 'at' && first) return element(callee.object, first.value, true);
  if (callee.property !== (python ? 'get_layer' : 'getLayer')) return null;
  const asked = values.layerAsked(args);
  return asked && { model: callee.object, ...asked, fits: true };
}

function element(list: Expression, index: Expression, fromEnd: boolean): Asked | null {
  const asked = asIndex(index, fromEnd);
  if (list.kind !== 'member' || list.property !== 'layers' || !asked) return null;
  const { object } = list;
  const name = object.kind === 'name' ? object.name : object.kind === 'member' ? object.property : '';
  // much else has `layers`: maps, drawings
  return { model: object, ...asked, fits: /model|net/i.test(name) };
}

function useOf({ load, steps }: ModelValue, { step, says }: Asked, { to: end }: Expression): LayerUse {
  const literal = says.kind === 'text' ? { quote: says.quote, closed: says.closed } : null;
  return { load, steps: [...steps, step], from: says.from, to: says.to, literal, end };
}

const ADDS_LAYERS = /^(?:add|pop)$/;
const CHANGES_LIST = /^(?:push|pop|splice|shift|unshift|append|insert|remove|extend|clear|reverse|sort)$/;

/** Models whose layers the program adds, removes or renames. */
function markChanged(program: Program, values: Values): void {
  const changed = (expression: Expression): void => {
    const value = values.of(expression);
    if (value.kind === 'model') value.load.changed = true;
  };
  for (const expression of program.expressions) {
    if (expression.kind !== 'call' || expression.callee.kind !== 'member') continue;
    const { object, property } = expression.callee;
    if (ADDS_LAYERS.test(property)) changed(object);
    if (CHANGES_LIST.test(property) && object.kind === 'member' && object.property === 'layers') changed(object.object);
  }
  for (const target of program.assigned) {
    const list = target.kind === 'index' ? target.object : target;
    if (list.kind !== 'member') continue;
    if (list.property === 'layers') changed(list.object);
    if (target.kind === 'member' && renamesLayer(target, values)) for (const load of values.found) load.changed = true;
  }
}

/** `layer._name = …` in a loop: which layer it is, is not known. */
function renamesLayer({ object, property }: Expression & { kind: 'member' }, values: Values): boolean {
  if (property === '_name') return object.kind !== 'name' || object.name !== 'self';
  if (property !== 'name') return false;
  const value = values.of(object);
  if (value.kind === 'model') return value.steps.length > 0;
  return object.kind === 'name' && /layer|^l$/i.test(object.name);
}
