/** Which variable a name means, and which of its values it may have at a place. */
import type { Expression, Program, Scope, Variable, Write } from './program';
import { newVariable, runsIn, scopeAt } from './program';

/** `a.b.c.d` and no deeper. */
const MAX_MEMBERS = 6;

/** The variable that a name, or a member of one, means; null for other expressions and for names that are declared nowhere. */
export function variableOf(program: Program, expression: Expression, { create = false } = {}): Variable | null {
  const members: string[] = [];
  let at = expression;
  while (at.kind === 'member' && members.length < MAX_MEMBERS) {
    members.unshift(at.property);
    at = at.object;
  }
  let variable =
    at.kind === 'name'
      ? (named(program, at.name, scopeAt(program.root, at.from)) ?? (create ? global(program, at.name) : null))
      : at.kind === 'this'
        ? ownObject(scopeAt(program.root, at.from))
        : null;
  for (const member of members) {
    if (!variable) return null;
    let next = variable.members.get(member);
    if (!next && create) {
      next = newVariable();
      variable.members.set(member, next);
    }
    variable = next ?? null;
  }
  return variable;
}

function named(program: Program, name: string, from: Scope): Variable | null {
  for (let scope: Scope | null = from; scope; scope = scope.parent) {
    if (scope.receiver === name && scope.parent?.kind === 'class') return scope.parent.self;
    // names of a Python class are not seen from its methods
    if (scope.kind === 'class' && scope !== runsIn(from)) continue;
    const outer = scope.outer.get(name);
    if (outer === 'global') return program.root.variables.get(name) ?? null;
    if (outer === 'nonlocal') continue;
    const found = scope.variables.get(name);
    if (found) return found;
  }
  return null;
}

function global(program: Program, name: string): Variable {
  const variable = program.root.variables.get(name) ?? newVariable();
  program.root.variables.set(name, variable);
  return variable;
}

/** What `this` stands for. */
function ownObject(from: Scope): Variable | null {
  for (let scope: Scope | null = from; scope; scope = scope.parent) {
    if (scope.kind === 'class') return scope.self;
    if (scope.kind === 'function' && scope.ownThis) return scope.parent?.kind === 'class' ? scope.parent.self : null;
  }
  return null;
}

/**
 * The writes whose value a variable may have at an offset: the nearest one before it, if it is certainly done whenever the
 * place is reached; else all that may be the last. Writes of nothing (`null`, `None`, a bare declaration) are among them.
 */
export function writesBefore(program: Program, variable: Variable, offset: number): Write[] {
  const here = runsIn(scopeAt(program.root, offset));
  const near = variable.writes.filter((write) => write.inside === here && write.to <= offset);
  const found: Write[] = [];
  for (const write of near.reverse()) {
    found.push(write);
    const certain = write.region.from <= offset && offset < write.region.to;
    if (!certain) continue;
    // in a loop, what stands behind the place may have come before it
    const loops = program.loops.filter(
      (loop) => loop.from <= offset && offset < loop.to && !(loop.from <= write.from && write.from < loop.to),
    );
    const again = variable.writes.filter(
      ({ inside, from }) =>
        inside === here && from > offset && loops.some((loop) => loop.from <= from && from < loop.to),
    );
    return [...found, ...again];
  }
  return variable.writes.filter(
    (write) => write.inside !== here || found.includes(write) || mayComeFirst(program, write, offset),
  );
}

/** Behind the place, but in a loop around both. */
function mayComeFirst(program: Program, { from }: Write, offset: number): boolean {
  return (
    from > offset &&
    program.loops.some((loop) => loop.from <= offset && offset < loop.to && loop.from <= from && from < loop.to)
  );
}
