/** The rows of the tree: one for each call of a layer, nested models with their layers below them. */
import { plainText } from '../../src/core/messageText';
import type { InspectCall } from '../../src/core/model/inspectDocument';
import type { LayerRow, ViewerModel } from '../../src/protocol/viewer';
import { callOf } from '../state/sliceMarks';

export interface TreeRow {
  /** Canonical address of the call: `tower#2/conv`. Unique in the tree. */
  id: string;
  layer: LayerRow;
  /** null where the file says nothing of calls (a model that was never built). */
  call: InspectCall | null;
  /** Counted from 0. */
  callIndex: number;
  /** Name with the call: `dense#2`; control characters made visible, very long names cut in the middle. */
  label: string;
  parent: TreeRow | null;
  /** From 1, as `aria-level` counts. */
  level: number;
  position: number;
  siblings: number;
  expandable: boolean;
}

/**
 * Rows are made when they are first shown: a model that calls a model that calls a model … has
 * exponentially many calls, and nobody opens them all.
 */
export class LayerTree {
  readonly roots: readonly TreeRow[];
  /** A scope of a graph-model is a folder; a nested model is part of the model. */
  private readonly expandedByDefault: boolean;
  private readonly layersByParent = new Map<string | null, LayerRow[]>();
  private readonly childRows = new Map<string, TreeRow[]>();

  constructor(readonly model: ViewerModel) {
    this.expandedByDefault = model.format !== 'graph-model';
    for (const layer of model.layers) {
      const group = this.layersByParent.get(layer.parent);
      if (group) group.push(layer);
      else this.layersByParent.set(layer.parent, [layer]);
    }
    this.roots = this.rowsOf(null, null);
  }

  children(row: TreeRow): readonly TreeRow[] {
    if (!row.expandable) return [];
    let rows = this.childRows.get(row.id);
    if (!rows) {
      rows = this.rowsOf(row.layer.address, row);
      this.childRows.set(row.id, rows);
    }
    return rows;
  }

  /** Further calls of a nested model start closed: they show the same layers once more. */
  isExpandedByDefault(row: TreeRow): boolean {
    return this.expandedByDefault && row.callIndex === 0;
  }

  /** Layers that `matches`, and every layer above one of them. */
  withAncestors(matches: (layer: LayerRow) => boolean): { hits: Set<string>; kept: Set<string> } {
    const byAddress = new Map(this.model.layers.map((layer) => [layer.address, layer]));
    const hits = new Set<string>();
    const kept = new Set<string>();
    for (const layer of this.model.layers) {
      if (!matches(layer)) continue;
      hits.add(layer.address);
      let above: LayerRow | undefined = layer;
      while (above && !kept.has(above.address)) {
        kept.add(above.address);
        above = above.parent === null ? undefined : byAddress.get(above.parent);
      }
    }
    return { hits, kept };
  }

  /** The rows on show, top to bottom. `keep` leaves out layers that a search did not find. */
  visible(isExpanded: (row: TreeRow) => boolean, keep?: ReadonlySet<string>): TreeRow[] {
    const rows: TreeRow[] = [];
    const stack: { rows: readonly TreeRow[]; next: number }[] = [{ rows: this.roots, next: 0 }];
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const row = top.rows[top.next++];
      if (!row) {
        stack.pop();
      } else if (!keep || keep.has(row.layer.address)) {
        rows.push(row);
        if (row.expandable && isExpanded(row)) stack.push({ rows: this.children(row), next: 0 });
      }
    }
    return rows;
  }

  /** The row of the call that makes the tensor at `address`, with what is above it, outermost first. */
  find(address: string): TreeRow[] | null {
    const call = callOf(address);
    const path: TreeRow[] = [];
    let rows = this.roots;
    for (;;) {
      let next: TreeRow | undefined;
      for (const row of rows) {
        if (row.id === call) return [...path, row];
        if (row.expandable && isWithin(call, row.id) && row.id.length > (next?.id.length ?? 0)) next = row;
      }
      if (!next) return null;
      path.push(next);
      rows = this.children(next);
    }
  }

  /** A node's name holds those of all scopes around it, which stand in the rows above. */
  private nameIn({ name }: LayerRow, parent: TreeRow | null): string {
    const scope = this.model.format === 'graph-model' && parent ? `${parent.layer.name}/` : '';
    return name.startsWith(scope) ? name.slice(scope.length) : name;
  }

  private rowsOf(parentAddress: string | null, parent: TreeRow | null): TreeRow[] {
    const rows: TreeRow[] = [];
    for (const layer of this.layersByParent.get(parentAddress) ?? []) {
      const calls = layer.calls.length > 0 ? layer.calls : [null];
      calls.forEach((call, callIndex) => {
        rows.push({
          id: rebase(call?.address ?? layer.address, parentAddress, parent),
          layer,
          call,
          callIndex,
          label: plainText(callIndex === 0 ? this.nameIn(layer, parent) : `${layer.name}#${callIndex + 1}`),
          parent,
          level: parent ? parent.level + 1 : 1,
          position: 0,
          siblings: 0,
          expandable: this.layersByParent.has(layer.address),
        });
      });
    }
    rows.forEach((row, index) => {
      row.position = index + 1;
      row.siblings = rows.length;
    });
    return rows;
  }
}

/** A scope of a graph-model is part of its nodes' names, where a slash is escaped. */
function isWithin(call: string, around: string): boolean {
  return call.startsWith(`${around}/`) || call.startsWith(`${around}\\/`);
}

/** Addresses in the file stand for the first call of what is around them: `tower/conv` → `tower#2/conv`. */
function rebase(address: string, parentAddress: string | null, parent: TreeRow | null): string {
  if (!parent || parentAddress === null || !address.startsWith(`${parentAddress}/`)) return address;
  return parent.id + address.slice(parentAddress.length);
}

/** The addresses of a row's outputs: `lstm`, `lstm:1` … */
export function outputAddresses(row: TreeRow): string[] {
  const count = Math.max(1, row.call?.outputs.length ?? 1);
  return Array.from({ length: count }, (_, index) => (index === 0 ? row.id : `${row.id}:${index}`));
}
