/** TypeScript and JavaScript → what a program says about models. */
import type { SyntaxNode, SyntaxNodeRef, Tree } from '@lezer/common';
import type { Expression, Program, ProgramLanguage, Scope } from './program';
import { runsIn } from './program';
import { ProgramBuilder } from './programBuilder';
import { callOf, childrenOf, elementOf } from './syntax';
import { typescriptExpression } from './typescriptExpressions';

const FUNCTIONS: ReadonlySet<string> = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunction',
  'MethodDeclaration',
]);
const BLOCKS: ReadonlySet<string> = new Set(['Block', 'ForStatement', 'CatchClause', 'SwitchBody', 'StaticBlock']);
const LOOPS: ReadonlySet<string> = new Set(['ForStatement', 'WhileStatement', 'DoStatement']);
const BRANCHING: ReadonlySet<string> = new Set(['IfStatement', ...LOOPS]);
const LABELS: ReadonlySet<string> = new Set(['CaseLabel', 'DefaultLabel']);

export function readTypescript(tree: Tree, text: string, language: ProgramLanguage): Program {
  const builder = new ProgramBuilder(language, text.length);
  /** The nodes around, and what was entered with each. */
  const around: string[] = [];
  const entered: number[] = [];
  tree.iterate({
    enter: (ref) => {
      const { name } = ref;
      if (LOOPS.has(name)) builder.program.loops.push({ from: ref.from, to: ref.to });
      const region = regionOf(ref, around.at(-1) ?? '');
      entered.push((enterScope(ref, builder) ? SCOPE : 0) + (region ? REGION : 0));
      if (region) builder.enterRegion(region.from, region.to);
      around.push(name);
      visit(ref, builder, text);
    },
    leave: () => {
      around.pop();
      const what = entered.pop() ?? 0;
      if ((what & SCOPE) !== 0) builder.leaveScope();
      if ((what & REGION) !== 0) builder.leaveRegion();
    },
  });
  return builder.finish();
}

const SCOPE = 1;
const REGION = 2;

function enterScope(ref: SyntaxNodeRef, builder: ProgramBuilder): boolean {
  const { name, from, to } = ref;
  if (FUNCTIONS.has(name) || (name === 'Property' && ref.node.getChild('ParamList'))) {
    builder.enterScope('function', from, to).ownThis = name !== 'ArrowFunction';
    return true;
  }
  const kind = name === 'ClassDeclaration' || name === 'ClassExpression' ? 'class' : BLOCKS.has(name) ? 'block' : null;
  if (kind) builder.enterScope(kind, from, to);
  return kind !== null;
}

/** Blocks, branches without braces, cases of a switch, arrow functions' expressions. */
function regionOf(ref: SyntaxNodeRef, parent: string): { from: number; to: number } | null {
  const { name, from, to } = ref;
  if (name === 'Block' || FUNCTIONS.has(name)) return { from, to };
  const branches = BRANCHING.has(parent);
  if ((!branches && parent !== 'SwitchBody') || !ref.type.is('Statement')) return null;
  if (branches) return { from, to };
  // what follows in the same case is done after it
  let end = ref.node.nextSibling;
  while (end && !LABELS.has(end.name)) end = end.nextSibling;
  return { from, to: end?.from ?? ref.node.parent?.to ?? to };
}

function visit(ref: SyntaxNodeRef, builder: ProgramBuilder, text: string): void {
  const { name, from, to } = ref;
  const convert = (node: SyntaxNode): Expression => typescriptExpression(node, text);
  const { program } = builder;
  switch (name) {
    case 'LineComment':
    case 'BlockComment':
      program.comments.push({ from, to, text: text.slice(from, to) });
      return;
    case 'VariableName':
    case 'PropertyName': {
      const written = text.slice(from, to);
      const call = CALLEES.test(written) || builder.imported.has(written) ? callOf(ref.node) : null;
      const found = written === 'layers' ? elementOf(ref.node) : call;
      if (found) program.expressions.push(convert(found));
      return;
    }
    case 'VariableDefinition':
      define(ref.node, builder, text);
      return;
    case 'AssignmentExpression':
      assign(ref.node, builder, text);
      return;
    case 'PropertyDeclaration':
      property(ref.node, builder, text);
      return;
    case 'ReturnStatement': {
      const value = childrenOf(ref.node)[1];
      if (value) runsIn(builder.scope).returns.push(() => convert(value));
      return;
    }
    case 'ArrowFunction': {
      const body = ref.node.lastChild;
      if (body && body.name !== 'Block') builder.scope.returns.push(() => convert(body));
      return;
    }
  }
}

/** Calls of what loads models or names layers, `x.layers.at(…)`, and what changes a model. */
const CALLEES = /^(?:getLayer|load\w*|at|add|pop|push|splice|unshift|shift|reverse|sort)$/;

function define(node: SyntaxNode, builder: ProgramBuilder, text: string): void {
  const { parent, from, to } = node;
  if (!parent) return;
  const name = text.slice(from, to);
  const { scope } = builder;
  const plain = { name, from, to, value: null } as const;
  switch (parent.name) {
    case 'VariableDeclaration': {
      const value = initializer(node);
      const into = parent.firstChild?.name === 'var' ? runsIn(scope) : scope;
      builder.declare(into, {
        ...plain,
        to: value?.to ?? to,
        kind: value ? 'value' : 'declaration',
        value: value ? () => typescriptExpression(value, text) : () => ({ kind: 'nothing', from, to }),
      });
      return;
    }
    case 'ParamList': {
      const awaited = awaitedBefore(parent, text);
      const value = awaited && node.prevSibling?.name !== ',' ? () => typescriptExpression(awaited, text) : null;
      builder.declare(scope, { ...plain, kind: 'parameter', value });
      return;
    }
    case 'ImportGroup': {
      const before = node.prevSibling?.name === 'as' ? node.prevSibling.prevSibling : node;
      builder.declare(scope, {
        ...plain,
        kind: 'import',
        imported: before ? text.slice(before.from, before.to) : null,
      });
      return;
    }
    case 'ImportDeclaration':
      builder.declare(scope, { ...plain, kind: 'import' });
      return;
    case 'FunctionDeclaration':
      // functions are there before the first statement runs
      builder.declare(outside(scope), {
        ...plain,
        to: outside(scope).from,
        kind: 'value',
        value: () => ({ kind: 'function', at: parent.from, from, to }),
      });
      return;
    case 'ClassDeclaration':
      builder.declare(outside(scope), { ...plain, kind: 'value', value: () => ({ kind: 'other', from, to }) });
      return;
    default:
      if (assignedPattern(node)) builder.assign({ kind: 'name', name, from, to }, { ...plain, kind: 'value' });
      else builder.declare(scope, { ...plain, kind: 'value' });
  }
}

function outside(scope: Scope): Scope {
  return scope.parent ?? scope;
}

/** `const a = …`, `const a: Type = …` */
function initializer(definition: SyntaxNode): SyntaxNode | null {
  for (let next = definition.nextSibling; next && next.name !== ','; next = next.nextSibling) {
    if (next.name !== 'Equals') continue;
    const value = next.nextSibling;
    return value && !value.type.isError && value.name !== ';' ? value : null;
  }
  return null;
}

/** `load(…).then((model) => …)`: what the callback gets. */
function awaitedBefore(list: SyntaxNode, text: string): SyntaxNode | null {
  const callback = list.parent;
  const args = callback?.parent;
  if (!callback || args?.name !== 'ArgList' || args.firstChild?.nextSibling?.from !== callback.from) return null;
  const callee = args.parent?.firstChild;
  const property = callee?.name === 'MemberExpression' ? callee.getChild('PropertyName') : null;
  return property && text.slice(property.from, property.to) === 'then' ? (callee?.firstChild ?? null) : null;
}

/** `[a, b] = …`, `({ a } = …)`: names that exist already. */
function assignedPattern(node: SyntaxNode): boolean {
  for (let at = node.parent; at; at = at.parent) {
    if (at.name === 'AssignmentExpression') return true;
    if (!/Pattern/.test(at.name)) return false;
  }
  return false;
}

function assign(node: SyntaxNode, builder: ProgramBuilder, text: string): void {
  const [left, operator, right] = childrenOf(node);
  if (!left || !operator || !right) return;
  const { from, to } = node;
  const sign = text.slice(operator.from, operator.to);
  const target = typescriptExpression(left, text);
  const value = sign === '=' || sign === '??=' || sign === '||=' ? () => typescriptExpression(right, text) : null;
  const facts = { name: nameOf(target), from, to, kind: 'value', value } as const;
  if (left.name === 'MemberExpression') builder.program.assigned.push(target);
  if (target.kind !== 'name' && target.kind !== 'member') return;
  // `??=` keeps what there is
  if (sign !== '=') builder.enterRegion(from, to);
  builder.assign(target, facts);
  if (sign !== '=') builder.leaveRegion();
}

function nameOf(target: Expression): string {
  return target.kind === 'name' ? target.name : target.kind === 'member' ? target.property : '';
}

function property(node: SyntaxNode, builder: ProgramBuilder, text: string): void {
  const key = node.getChild('PropertyDefinition') ?? node.getChild('PrivatePropertyDefinition');
  if (!key || builder.scope.kind !== 'class') return;
  const { from, to } = key;
  const value = initializer(key);
  builder.member(builder.scope.self, text.slice(from, to), {
    name: text.slice(from, to),
    from,
    to: value?.to ?? to,
    kind: value ? 'value' : 'declaration',
    value: value ? () => typescriptExpression(value, text) : () => ({ kind: 'nothing', from, to }),
  });
}
