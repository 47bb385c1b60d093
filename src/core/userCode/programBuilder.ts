/** Collects what the readers of the languages find on their way through a tree. */
import type { Expression, Program, ProgramLanguage, Scope, Variable, Write } from './program';
import { newScope, newVariable, runsIn } from './program';
import { variableOf } from './variables';

type WriteFacts = Pick<Write, 'name' | 'from' | 'to' | 'kind' | 'value'> & { imported?: string | null };

export class ProgramBuilder {
  readonly program: Program;
  /** Where the reader is. */
  scope: Scope;
  /** Names under which functions of other modules were imported. */
  readonly imported = new Set<string>();
  private readonly regions: { from: number; to: number }[];
  private readonly assignments: { target: Expression; write: Write }[] = [];

  constructor(language: ProgramLanguage, length: number) {
    const root = newScope('module', 0, length + 1, null);
    this.scope = root;
    this.regions = [root];
    this.program = {
      language,
      root,
      expressions: [],
      assigned: [],
      comments: [],
      loops: [],
      functions: new Map(),
      writes: [],
    };
  }

  enterScope(kind: Scope['kind'], from: number, to: number): Scope {
    this.scope = newScope(kind, from, to, this.scope);
    if (kind === 'function') this.program.functions.set(from, this.scope);
    return this.scope;
  }

  leaveScope(): void {
    this.scope = this.scope.parent ?? this.scope;
  }

  /** What stands in it may be left out or left early. */
  enterRegion(from: number, to: number): void {
    this.regions.push({ from, to });
  }

  leaveRegion(): void {
    this.regions.pop();
  }

  /** A name of this scope from now on. */
  declare(scope: Scope, facts: WriteFacts): void {
    const variable = scope.variables.get(facts.name) ?? newVariable();
    scope.variables.set(facts.name, variable);
    this.add(variable, this.write(facts));
  }

  /** A name that an inner scope may also have declared, once the whole program is read. */
  assign(target: Expression, facts: WriteFacts): void {
    this.assignments.push({ target, write: this.write(facts) });
  }

  member(variable: Variable, name: string, facts: WriteFacts): void {
    const member = variable.members.get(name) ?? newVariable();
    variable.members.set(name, member);
    this.add(member, this.write(facts));
  }

  finish(): Program {
    for (const { target, write } of this.assignments) {
      const variable = variableOf(this.program, target, { create: true });
      if (variable) this.add(variable, write);
    }
    this.program.writes.sort((a, b) => a.write.from - b.write.from);
    for (const variable of new Set(this.program.writes.map((item) => item.variable)))
      variable.writes.sort((a, b) => a.to - b.to);
    return this.program;
  }

  private add(variable: Variable, write: Write): void {
    variable.writes.push(write);
    this.program.writes.push({ write, variable });
  }

  private write(facts: WriteFacts): Write {
    if (facts.imported !== undefined && facts.imported !== null) this.imported.add(facts.name);
    const region = this.regions.at(-1) ?? this.program.root;
    return { imported: null, ...facts, region, inside: runsIn(this.scope) };
  }
}
