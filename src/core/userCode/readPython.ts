/** Python → what a program says about models. */
import type { SyntaxNode, SyntaxNodeRef, Tree } from '@lezer/common';
import type { ClosedText } from './closeOpenStrings';
import type { Expression, Program, Scope, Write } from './program';
import { runsIn } from './program';
import { ProgramBuilder } from './programBuilder';
import { pythonExpression } from './pythonExpressions';
import { callOf, childrenOf, elementOf, MAX_DEPTH, splitAt } from './syntax';

const LOOPS: ReadonlySet<string> = new Set(['ForStatement', 'WhileStatement']);

const SCOPES: Readonly<Record<string, Scope['kind']>> = {
  FunctionDefinition: 'function',
  LambdaExpression: 'function',
  ClassDefinition: 'class',
  ComprehensionExpression: 'block',
  ArrayComprehensionExpression: 'block',
  DictionaryComprehensionExpression: 'block',
  SetComprehensionExpression: 'block',
};

/** @param source as the tree was made of it. */
export function readPython(tree: Tree, source: ClosedText): Program {
  const builder = new ProgramBuilder('python', source.original(source.text.length));
  const undo: ('scope' | 'region' | null)[] = [];
  const place = ({ from, to }: { from: number; to: number }): { from: number; to: number } => ({
    from: source.original(from),
    to: source.original(to),
  });
  tree.iterate({
    enter: (ref) => {
      undo.push(enter(ref));
      visit(ref);
    },
    leave: () => {
      const what = undo.pop();
      if (what === 'scope') builder.leaveScope();
      if (what === 'region') builder.leaveRegion();
    },
  });
  return builder.finish();

  function enter(ref: SyntaxNodeRef): 'scope' | 'region' | null {
    const { name } = ref;
    if (LOOPS.has(name)) builder.program.loops.push(place(ref));
    if (name === 'Body') {
      const { from, to } = place(ref);
      builder.enterRegion(from, to);
      return 'region';
    }
    const kind = SCOPES[name];
    if (!kind) return null;
    if (kind !== 'block' && name !== 'LambdaExpression') defineName(ref.node);
    const { from, to } = place(ref);
    const scope = builder.enterScope(kind, from, to);
    const first = name === 'FunctionDefinition' ? ref.node.getChild('ParamList')?.getChild('VariableName') : null;
    if (scope.parent?.kind === 'class' && first) scope.receiver = textOf(first);
    return 'scope';
  }

  function textOf({ from, to }: SyntaxNode): string {
    return source.text.slice(from, to);
  }

  function convert(node: SyntaxNode): Expression {
    return pythonExpression(node, source);
  }

  function defineName(node: SyntaxNode): void {
    const name = node.getChild('VariableName');
    if (!name) return;
    const at = place(node);
    const value: () => Expression =
      node.name === 'ClassDefinition'
        ? () => ({ kind: 'other', ...at })
        : () => ({ kind: 'function', at: at.from, ...at });
    bind(name, { value, to: at.from });
  }

  /** A name of the function, module or class body around; a comprehension's names are its own. */
  function bind(
    name: SyntaxNode,
    facts: Partial<Pick<Write, 'kind' | 'value' | 'imported' | 'to'>>,
    scope: Scope = runsIn(builder.scope),
  ): void {
    const at = place(name);
    const write = { name: textOf(name), kind: 'value', value: null, ...at, ...facts } as const;
    if (scope.outer.has(write.name)) builder.assign({ kind: 'name', name: write.name, ...at }, write);
    else builder.declare(scope, write);
    // what a class body says of a name holds for `self.name`
    if (scope.kind === 'class') builder.member(scope.self, write.name, write);
  }

  function visit(ref: SyntaxNodeRef): void {
    const { program } = builder;
    switch (ref.name) {
      case 'Comment':
        program.comments.push({ ...place(ref), text: source.text.slice(ref.from, ref.to) });
        return;
      case 'VariableName':
      case 'PropertyName': {
        const written = source.text.slice(ref.from, ref.to);
        const call = CALLEES.test(written) || builder.imported.has(written) ? callOf(ref.node) : null;
        const found = written === 'layers' ? elementOf(ref.node) : call;
        if (found) program.expressions.push(convert(found));
        return;
      }
      case 'AssignStatement':
        assignStatement(ref.node);
        return;
      case 'NamedExpression': {
        const [target, , value] = childrenOf(ref.node);
        if (target && value) assignTo(target, value, ref.node);
        return;
      }
      case 'UpdateStatement': {
        const [target] = childrenOf(ref.node);
        if (target) assignTo(target, null, ref.node);
        return;
      }
      case 'DeleteStatement':
        for (const node of childrenOf(ref.node).slice(1)) program.assigned.push(convert(node));
        return;
      case 'ScopeStatement': {
        const [keyword, ...names] = childrenOf(ref.node);
        const kind = keyword?.name === 'global' ? 'global' : 'nonlocal';
        for (const node of names) if (node.name === 'VariableName') runsIn(builder.scope).outer.set(textOf(node), kind);
        return;
      }
      case 'ReturnStatement': {
        const value = childrenOf(ref.node)[1];
        if (value) runsIn(builder.scope).returns.push(() => convert(value));
        return;
      }
      case 'LambdaExpression': {
        const body = ref.node.lastChild;
        if (body) builder.scope.returns.push(() => convert(body));
        return;
      }
      case 'ImportStatement':
        importStatement(ref.node);
        return;
      case 'ParamList':
        for (const node of parametersOf(ref.node)) bind(node, { kind: 'parameter' }, builder.scope);
        return;
      case 'CapturePattern':
        bind(ref.node, {});
        return;
      case 'for': {
        // statements and comprehensions alike: names between `for` and `in`
        const into = ref.node.parent?.name === 'ForStatement' ? runsIn(builder.scope) : builder.scope;
        for (let node = ref.node.nextSibling; node && node.name !== 'in'; node = node.nextSibling)
          for (const name of namesIn(node)) bind(name, {}, into);
        return;
      }
      case 'as': {
        const name = ref.node.nextSibling;
        const statement = ref.node.parent?.name;
        if (name?.name === 'VariableName' && (statement === 'WithStatement' || statement === 'TryStatement'))
          bind(name, {});
        return;
      }
    }
  }

  function assignStatement(node: SyntaxNode): void {
    const segments = splitAt(childrenOf(node), ({ name }) => name === 'AssignOp');
    const values = segments.length > 1 ? items(segments.at(-1) ?? []) : [];
    for (const segment of segments.length > 1 ? segments.slice(0, -1) : segments) {
      const targets = items(segment);
      for (const [i, target] of targets.entries()) {
        // `a, b = load(x), load(y)` one by one
        const value = targets.length === values.length ? values[i] : undefined;
        if (segments.length === 1) bindDeclared(target);
        else assignTo(target, value ?? null, node);
      }
    }
  }

  /** `model: keras.Model` */
  function bindDeclared(target: SyntaxNode): void {
    const at = place(target);
    const facts = { kind: 'declaration', value: (): Expression => ({ kind: 'nothing', ...at }) } as const;
    if (target.name === 'VariableName') bind(target, facts);
    else if (target.name === 'MemberExpression') {
      const expression = convert(target);
      if (expression.kind === 'member') builder.assign(expression, { name: expression.property, ...at, ...facts });
    }
  }

  function assignTo(target: SyntaxNode, value: SyntaxNode | null, statement: SyntaxNode): void {
    const { to } = place(statement);
    const made = value ? (): Expression => convert(value) : null;
    if (target.name === 'VariableName') bind(target, { value: made, to });
    else if (target.name === 'MemberExpression') {
      const expression = convert(target);
      builder.program.assigned.push(expression);
      const { from } = place(target);
      if (expression.kind === 'member')
        builder.assign(expression, { name: expression.property, from, to, kind: 'value', value: made });
    } else for (const name of namesIn(target)) bind(name, { to });
  }

  function importStatement(node: SyntaxNode): void {
    const children = childrenOf(node);
    const from = children[0]?.name === 'from';
    const start = children.findIndex(({ name }) => name === 'import') + 1;
    for (const item of splitAt(children.slice(start), ({ name }) => name === ',')) {
      const names = item.filter(({ name }) => name === 'VariableName');
      const [first] = names;
      const last = item.some(({ name }) => name === 'as') ? names.at(-1) : first;
      if (first && last) bind(last, { kind: 'import', imported: from ? textOf(first) : null });
    }
  }
}

/** Calls of what loads models or names layers, and what changes a model. */
const CALLEES = /^(?:get_layer|load_\w+|add|pop|append|insert|remove|extend|clear|reverse|sort)$/;

/** The targets or values of one side of an assignment: `a, b`, `(a, b)`; the type that stands behind a name is none. */
function items(nodes: readonly SyntaxNode[]): SyntaxNode[] {
  const plain = nodes.filter(({ name }) => name !== ',' && name !== 'TypeDef' && name !== '*');
  const [only] = plain;
  if (plain.length === 1 && only && (only.name === 'TupleExpression' || only.name === 'ArrayExpression'))
    return childrenOf(only).filter(({ name }) => !/^[()[\],]$/.test(name));
  return plain;
}

function parametersOf(list: SyntaxNode): SyntaxNode[] {
  return childrenOf(list).filter(
    ({ name, prevSibling }) => name === 'VariableName' && prevSibling?.name !== 'AssignOp',
  );
}

function namesIn(node: SyntaxNode, depth = 0): SyntaxNode[] {
  if (node.name === 'VariableName') return [node];
  if (depth > MAX_DEPTH || !/^(?:Tuple|Array|Parenthesized)Expression$/.test(node.name)) return [];
  return childrenOf(node).flatMap((child) => namesIn(child, depth + 1));
}
