/** The marks of one model and the way back. Marks name tensors; whether they still fit is asked of the model each time. */
import type { Shape } from '../../core/model/layerGraph';
import type { Mark } from '../../protocol/viewer';

/** A mark with the shapes of its place when it was set. This is what is persisted. */
export interface PlacedMark {
  address: string;
  kind: Mark['kind'];
  shapes: MarkedShapes;
}

/** What a mark depends on: the shape of its tensor; for `start` those of all that the layer's call reads. */
export type MarkedShapes = readonly (Shape | null)[];

/** The same in the model as it is now; null where the tensor or the call is no longer there. */
export type ShapesAt = (address: string, kind: Mark['kind']) => MarkedShapes | null;

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
  toggle(addresses: readonly string[], kind: Mark['kind'], shapesAt: ShapesAt): boolean {
    const wanted = new Set(addresses);
    const here = (mark: PlacedMark): boolean => mark.kind === kind && wanted.has(mark.address);
    if (this.placed.filter(here).length === wanted.size) return this.replace(this.placed.filter((mark) => !here(mark)));
    return this.add(addresses, kind, shapesAt);
  }

  /** Sets the marks at `addresses` that are not there yet: one step. */
  add(addresses: readonly string[], kind: Mark['kind'], shapesAt: ShapesAt): boolean {
    const standing = new Set(this.placed.filter((mark) => mark.kind === kind).map(({ address }) => address));
    const added = [...new Set(addresses)].filter((address) => !standing.has(address));
    return this.replace([...this.placed, ...placedAt(added, kind, shapesAt)]);
  }

  /** Puts marks at `addresses` in the place of all marks of the kinds `instead`: one step. */
  exchange(
    instead: readonly Mark['kind'][],
    addresses: readonly string[],
    kind: Mark['kind'],
    shapesAt: ShapesAt,
  ): boolean {
    const kept = this.placed.filter((mark) => !instead.includes(mark.kind));
    return this.replace([...kept, ...placedAt([...new Set(addresses)], kind, shapesAt)]);
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
  marks(shapesAt: ShapesAt | null): Mark[] {
    return this.placed.map(({ address, kind, shapes }) => ({
      address,
      kind,
      stale: shapesAt !== null && !fits(shapes, shapesAt(address, kind)),
    }));
  }
}

function placedAt(addresses: readonly string[], kind: Mark['kind'], shapesAt: ShapesAt): PlacedMark[] {
  return addresses.map((address) => ({ address, kind, shapes: shapesAt(address, kind) ?? [] }));
}

/** A shape that was unknown then or is unknown now says nothing against the mark. */
function fits(then: MarkedShapes, now: MarkedShapes | null): boolean {
  if (now === null) return false;
  // Nothing was known of the place when the mark was set.
  if (then.length === 0) return true;
  return then.length === now.length && then.every((shape, i) => sameShape(shape, now[i] ?? null));
}

function sameShape(then: Shape | null, now: Shape | null): boolean {
  if (then === null || now === null) return true;
  return then.length === now.length && then.every((size, axis) => size === now[axis]);
}

function same(a: readonly PlacedMark[], b: readonly PlacedMark[]): boolean {
  return a.length === b.length && a.every((mark, i) => mark.address === b[i]?.address && mark.kind === b[i]?.kind);
}
