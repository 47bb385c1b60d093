/** Marks and inputs of the models that were open last in this workspace. */
import type { Memento, Uri } from 'vscode';
import type { InputSpec } from '../../protocol/engine';
import type { PlacedMark } from './markHistory';

export interface RememberedDocument {
  marks: PlacedMark[];
  inputs: InputSpec[];
}

const KEY = 'documents';
const LIMIT = 50;

export class DocumentMemory {
  constructor(private readonly state: Memento) {}

  recall(uri: Uri): RememberedDocument | null {
    const found = this.entries().find(([key]) => key === uri.toString())?.[1];
    // What another version of the extension wrote may say less of a mark.
    return found ? { ...found, marks: found.marks.filter(({ shapes }) => Array.isArray(shapes)) } : null;
  }

  /** Bytes that were dropped or pasted are not kept: such an input starts anew. */
  remember(uri: Uri, { marks, inputs }: { marks: readonly PlacedMark[]; inputs: readonly InputSpec[] }): void {
    const kept = inputs.filter(({ source }) => !('bytes' in source && source.bytes));
    const others = this.entries().filter(([key]) => key !== uri.toString());
    const entry: [string, RememberedDocument] = [uri.toString(), { marks: [...marks], inputs: kept }];
    void this.state.update(KEY, [entry, ...others].slice(0, LIMIT));
  }

  private entries(): [string, RememberedDocument][] {
    return this.state.get<[string, RememberedDocument][]>(KEY, []);
  }
}
