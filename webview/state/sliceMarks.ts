/** What marks and slice say of each row of the tree. */
import type { MissingTensor } from '../../src/core/slicing/slice';
import type { Mark, SliceState } from '../../src/protocol/viewer';

export interface RowMarks {
  /** Marks on the row's call, its outputs and what is inside of it. */
  marks: Record<Mark['kind'], Mark[]>;
  /** Addresses of the row's tensors that the slice hands out and takes in, whether a mark says so or not. */
  handsOut: string[];
  takesIn: string[];
  /** Tensors of this row that the slice still lacks. */
  missing: MissingTensor[];
}

export class SliceMarks {
  private readonly rows = new Map<string, RowMarks>();
  private readonly layers: ReadonlySet<string> | null;

  constructor(slice: SliceState | null) {
    for (const mark of slice?.marks ?? []) this.at(mark.address).marks[mark.kind].push(mark);
    const plan = slice?.plan ?? null;
    this.layers = plan && new Set(plan.layers);
    for (const { address } of plan?.outputs ?? []) this.at(address).handsOut.push(address);
    for (const { address } of plan?.inputs ?? []) this.at(address).takesIn.push(address);
    for (const missing of plan?.boundary.missing ?? []) this.at(missing.address).missing.push(missing);
  }

  /** Of the row with this id; undefined where nothing is to be said. */
  row(id: string): RowMarks | undefined {
    return this.rows.get(id);
  }

  has(address: string, kind: Mark['kind']): boolean {
    return this.row(callOf(address))?.marks[kind].some((mark) => mark.address === address) ?? false;
  }

  /** null: there is no slice, so nothing is tinted or dimmed. */
  includes(layerAddress: string): boolean | null {
    return this.layers === null ? null : this.layers.has(layerAddress);
  }

  private at(address: string): RowMarks {
    const id = callOf(address);
    let row = this.rows.get(id);
    if (!row) {
      row = { marks: { output: [], start: [], input: [] }, handsOut: [], takesIn: [], missing: [] };
      this.rows.set(id, row);
    }
    return row;
  }
}

/** The call that makes the tensor at a canonical address: `lstm:1` and `lstm@state_h` → `lstm`. */
export function callOf(address: string): string {
  return /^(?:\\[^]|[^\\:@])*/.exec(address)?.[0] ?? address;
}

/** `conv_1@pre`: a tensor inside of a layer. A name's own `@` is escaped in an address. */
export function isInner(address: string): boolean {
  return address.slice(callOf(address).length).includes('@');
}
