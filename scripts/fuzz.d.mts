import type { FuzzCase } from '../test/fuzz/mutations';
import type { Finding } from '../test/fuzz/probe';

export interface Seed {
  kind: string;
  fixture: string;
  open: string;
}

export function seeds(): Seed[];

export class Fuzzer {
  static create(options?: { engine?: string }): Promise<Fuzzer>;
  make(number: number, all: readonly Seed[]): FuzzCase;
  run(made: FuzzCase): Promise<Finding>;
  stop(): void;
}
