/** The marks of one model and the way back. Marks name tensors; whether they still fit is asked of the model each time. */
import type { Shape } from '../../core/model/layerGraph';
import type { Mark } from '../../protocol/viewer';

/** A mark with the shape that its tensor had when it was set. This is what is persisted. */
export interface PlacedMark {
  address: string;
  kind: Mark['kind'];
  shape: Shape | null;
}

/** Canonical address → shape of every tensor of the model as it is now. */
export type TensorShapes = ReadonlyMap<string, Shape | null>;

/** More steps than anybody takes back; keeps a long session's memory bounded. */
const STEPS = 200;

export class MarkHistory {
  private past: PlacedMark[][] = [];
  private future: PlacedMark[][] = [];

  constructor(private placed: PlacedMark[] = []) {}

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  get current(): readonly PlacedMark[] {
    return this.placed;
  }

  /** Replaces all marks in one step. Returns false, and adds no step, when nothing changes. */
  replace(marks: readonly PlacedMark[]): boolean {
    if (same(this.placed, marks)) return false;
    this.past.push(this.placed);
    if (this.past.length > STEPS) this.past.shift();
    this.future = [];
    this.placed = [...marks];
    return true;
  }

  /** Sets the marks at `addresses`, or, where all of them stand already, takes them away: one step. */
  toggle(addresses: readonly string[], kind: Mark['kind'], shapes: TensorShapes): boolean {
    const wanted = new Set(addresses);
    const here = (mark: PlacedMark): boolean => mark.kind === kind && wanted.has(mark.address);
    const standing = this.placed.filter(here);
    if (standing.length === wanted.size) return this.replace(this.placed.filter((mark) => !here(mark)));
    const added = [...wanted]
      .filter((address) => !standing.some((mark) => mark.address === address))
      .map((address) => ({ address, kind, shape: shapes.get(address) ?? null }));
    return this.replace([...this.placed, ...added]);
  }

  undo(): boolean {
    const previous = this.past.pop();
    if (!previous) return false;
    this.future.push(this.placed);
    this.placed = previous;
    return true;
  }

  redo(): boolean {
    const next = this.future.pop();
    if (!next) return false;
    this.past.push(this.placed);
    this.placed = next;
    return true;
  }

  /** The marks as the editor shows them. Before a model is known (`null`) no mark is called stale. */
  marks(shapes: TensorShapes | null): Mark[] {
    return this.placed.map(({ address, kind, shape }) => ({
      address,
      kind,
      stale: shapes !== null && !(shapes.has(address) && fits(shape, shapes.get(address) ?? null)),
    }));
  }
}

/** A shape that was unknown then or is unknown now says nothing against the mark. */
function fits(then: Shape | null, now: Shape | null): boolean {
  if (then === null || now === null) return true;
  return then.length === now.length && then.every((size, axis) => size === now[axis]);
}

function same(a: readonly PlacedMark[], b: readonly PlacedMark[]): boolean {
  return a.length === b.length && a.every((mark, i) => mark.address === b[i]?.address && mark.kind === b[i]?.kind);
}
