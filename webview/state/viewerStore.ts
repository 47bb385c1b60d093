/** All that the views show, and all that they may ask for. One per webview. */
import { SlicerError } from '../../src/core/errors';
import { sentence } from '../../src/core/messages';
import { matchRow, parseQuery } from '../../src/core/model/search';
import type { Shape } from '../../src/core/model/layerGraph';
import type { Activation, InputSpec } from '../../src/protocol/engine';
import { noRun, type HostContract, type LayerRow, type Mark, type ViewerState } from '../../src/protocol/viewer';
import type { Bridge, HostChannel } from '../bridge';
import { t, useBundle } from '../l10n';
import { LayerTree, outputAddresses, type TreeRow } from '../tree/rows';
import { restoreMemory, type Memory } from './memory';
import { callOf, isInner, SliceMarks, type RowMarks } from './sliceMarks';

type CommandId = HostContract['requests']['command']['params']['id'];

export interface SearchHits {
  hits: ReadonlySet<string>;
  kept: ReadonlySet<string>;
}

export class ViewerStore {
  readonly channel: HostChannel;
  memory: Memory;
  state: ViewerState | null = null;
  tree: LayerTree | null = null;
  rows: TreeRow[] = [];
  search: SearchHits | null = null;
  activations = new Map<string, Activation>();
  /** Rises when tensors change, so that previews are asked for again. */
  runCount = 0;
  modelCount = 0;
  /** The last thing that went wrong outside of a pane that shows its own errors. */
  notice: string | null = null;
  /** Carries out what commands from the palette ask for. */
  view: { reveal(address: string): void; focusSearch(): void } | null = null;
  private selected = new Set<string>();
  private toggled = new Set<string>();
  private sliceMarks = new SliceMarks(null);
  /** Tensors inside of layers that the last run computed, by the call around them. */
  private inner = new Map<string, string[]>();
  /** The tensor whose activation is on show, where it is not the active row's first. */
  private shown: string | null = null;
  private readonly listeners = new Set<() => void>();
  private readonly bytes = new Map<string, Uint8Array>();
  private saveTimer: ReturnType<typeof setTimeout> | undefined;
  private anchor: string | null = null;
  private positions = new Map<string, number>();
  private found: { tree: LayerTree; address: string; row: TreeRow | null } | null = null;

  constructor(private readonly bridge: Bridge) {
    this.memory = restoreMemory(bridge.loadState());
    this.selected = new Set(this.memory.selection);
    this.toggled = new Set(this.memory.toggled);
    const done = (_result?: unknown): null => null;
    this.channel = bridge.connect({
      selection: () => ({ addresses: this.selectedAddresses() }),
      reveal: ({ address }) => done(this.view?.reveal(address)),
      focusSearch: () => done(this.view?.focusSearch()),
    });
    this.channel.on('state', (change) => this.applyState(change));
    this.channel.on('activations', ({ reset, items }) => {
      if (reset) this.activations.clear();
      this.addActivations(items);
      this.changed();
    });
  }

  async start(): Promise<void> {
    try {
      const { activations, l10n, ...state } = await this.channel.request('ready', {});
      useBundle(l10n);
      this.addActivations(activations);
      this.applyState(state);
    } catch (error) {
      this.report(error);
    }
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  changed(): void {
    for (const listener of this.listeners) listener();
  }

  /** Changes what is remembered; written to VS Code a moment later, once for many changes. */
  remember(change: Partial<Memory>): void {
    this.memory = { ...this.memory, ...change };
    clearTimeout(this.saveTimer);
    this.saveTimer = setTimeout(() => this.bridge.saveState(this.memory), 200);
    this.changed();
  }

  // Selection

  /** The row that the details speak of; a search may hide it from the tree. */
  get activeRow(): TreeRow | null {
    const { active } = this.memory;
    if (active === null || !this.tree) return null;
    if (this.found?.tree !== this.tree || this.found.address !== active) {
      this.found = { tree: this.tree, address: active, row: this.tree.find(active)?.at(-1) ?? null };
    }
    return this.found.row;
  }

  /** Position among the rows on show, or -1. */
  indexOf(id: string | null): number {
    return id === null ? -1 : (this.positions.get(id) ?? -1);
  }

  isSelected(id: string): boolean {
    return this.selected.has(id);
  }

  selectedAddresses(): string[] {
    return this.selectedRows().map((row) => row.id);
  }

  /** `extend`: from where the last plain selection was made; `toggle`: this row alone changes. */
  select(id: string, mode: 'replace' | 'extend' | 'toggle' | 'move' = 'replace'): void {
    if (mode === 'replace') this.selected = new Set([id]);
    if (mode === 'toggle') this.selected = symmetricDifference(this.selected, id);
    if (mode === 'extend') this.selected = new Set(this.range(this.anchor ?? this.memory.active ?? id, id));
    if (mode !== 'extend') this.anchor = id;
    this.remember({ active: id, selection: [...this.selected].slice(0, 1000) });
  }

  /** Opens what is above the row and makes it the active one. */
  reveal(address: string): boolean {
    const path = this.tree?.find(address);
    const row = path?.at(-1);
    if (!path || !row) return false;
    if (this.search && !this.search.kept.has(row.layer.address)) this.setQuery('');
    for (const above of path.slice(0, -1)) if (!this.isExpanded(above)) this.flip(above);
    this.updateRows();
    this.select(row.id);
    return true;
  }

  // Tree

  isExpanded(row: TreeRow): boolean {
    const usual = this.tree?.isExpandedByDefault(row) ?? false;
    const flipped = this.toggled.has(row.id);
    // A search opens what leads to its hits; a row closed by hand meanwhile stays closed.
    if (this.search && row.callIndex === 0) return !this.closedInSearch.has(row.id);
    return flipped ? !usual : usual;
  }

  private closedInSearch = new Set<string>();

  setExpanded(rows: readonly TreeRow[], expanded: boolean): void {
    for (const row of rows) if (row.expandable && this.isExpanded(row) !== expanded) this.flip(row);
    this.updateRows();
    this.remember({ toggled: [...this.toggled] });
  }

  private flip(row: TreeRow): void {
    const set = this.search && row.callIndex === 0 ? this.closedInSearch : this.toggled;
    if (!set.delete(row.id)) set.add(row.id);
  }

  setQuery(query: string): void {
    this.memory = { ...this.memory, query };
    this.updateSearch();
    this.remember({ query });
  }

  private updateSearch(): void {
    const query = this.memory.query.trim();
    this.closedInSearch.clear();
    this.search = null;
    if (query !== '' && this.tree) {
      const terms = parseQuery(query);
      this.search = this.tree.withAncestors((layer) => matchRow(terms, layer));
    }
    this.updateRows();
  }

  private updateRows(): void {
    this.rows = this.tree?.visible((row) => this.isExpanded(row), this.search?.kept) ?? [];
    this.positions = new Map(this.rows.map((row, index) => [row.id, index]));
  }

  /** Addresses of the calls, in the same graph, that read one of the row's outputs. */
  readersOf(row: TreeRow): string[] {
    const siblings = row.parent ? this.tree?.children(row.parent) : this.tree?.roots;
    // What the file says of a nested model is said of its first call.
    const rebased = row.parent && row.parent.id !== row.parent.layer.address;
    const own = rebased && row.parent ? row.parent.layer.address + row.id.slice(row.parent.id.length) : row.id;
    const outputs = new Set(outputAddresses({ ...row, id: own }));
    return (siblings ?? [])
      .filter((other) => other.call?.inputs.some((input) => outputs.has(input)))
      .map((other) => other.id);
  }

  // Tensors of a row

  /** The row's outputs, and what was computed inside of it. */
  tensorsOf(row: TreeRow): string[] {
    return [...outputAddresses(row), ...(this.inner.get(row.id) ?? [])];
  }

  /** As the model says; undefined where it does not say it of this tensor. */
  shapeOf(address: string): Shape | null | undefined {
    const row = this.tree?.find(address)?.at(-1);
    return row?.call?.outputs[outputAddresses(row).indexOf(address)]?.shape;
  }

  /** The one of them whose activation is on show. */
  shownTensor(row: TreeRow): string {
    return this.shown !== null && callOf(this.shown) === row.id ? this.shown : row.id;
  }

  /** Shows the activation of a tensor, of whatever row; false where it has no row. */
  showTensor(address: string): boolean {
    if (callOf(address) !== this.memory.active && !this.reveal(address)) return false;
    this.shown = address;
    this.remember({ tab: 'activations' });
    return true;
  }

  private addActivations(items: readonly Activation[]): void {
    for (const item of items) this.activations.set(item.address, item);
    this.inner.clear();
    for (const address of this.activations.keys()) {
      if (!isInner(address)) continue;
      const call = callOf(address);
      this.inner.set(call, [...(this.inner.get(call) ?? []), address]);
    }
  }

  // Marks

  isMarked(address: string, kind: Mark['kind']): boolean {
    return this.sliceMarks.has(address, kind);
  }

  marksOf(row: TreeRow): RowMarks | undefined {
    return this.sliceMarks.row(row.id);
  }

  /** null: there is no slice, so nothing is tinted or dimmed. */
  inSlice(row: TreeRow): boolean | null {
    return this.sliceMarks.includes(row.layer.address);
  }

  /** Sets the mark; where all of them stand already, takes it away. */
  async toggleMarks(kind: Mark['kind'], addresses: readonly string[]): Promise<void> {
    if (addresses.length > 0) {
      await this.ask(this.channel.request('toggleMarks', { addresses: [...addresses], kind }));
    }
  }

  /** What a click or key on these rows marks. One row alone that has such marks loses them, also those on its other tensors. */
  toggleRows(kind: 'output' | 'start', rows: readonly TreeRow[]): Promise<void> {
    const [only, ...more] = rows;
    const standing = only && more.length === 0 ? (this.marksOf(only)?.marks[kind] ?? []) : [];
    const addresses =
      standing.length > 0 ? standing : rows.filter((row) => canMark(row, kind)).map(({ id }) => ({ address: id }));
    return this.toggleMarks(
      kind,
      addresses.map(({ address }) => address),
    );
  }

  selectedRows(): TreeRow[] {
    return this.rows.filter((row) => this.selected.has(row.id));
  }

  // Requests whose answer is a change of state

  command(id: CommandId, addresses?: string[]): Promise<void> {
    return this.ask(this.channel.request('command', addresses ? { id, addresses } : { id }));
  }

  copy(text: string): Promise<void> {
    return this.ask(this.channel.request('copy', { text }));
  }

  /** Dropped bytes do not come back with the state: they are kept here for a later change of the preprocessing. */
  setInput(spec: InputSpec): Promise<void> {
    const { source } = spec;
    if ('bytes' in source && source.bytes) this.bytes.set(`${spec.input}\n${source.name}`, source.bytes);
    else if ('name' in source && source.path === undefined) {
      const bytes = this.bytes.get(`${spec.input}\n${source.name}`);
      if (bytes) spec = { ...spec, source: { ...source, bytes: new Uint8Array(bytes) } };
    }
    return this.ask(this.channel.request('setInput', { spec }));
  }

  /** Waits for a request that only tells of success; failures become the notice. */
  async ask(request: Promise<unknown>): Promise<void> {
    try {
      await request;
    } catch (error) {
      this.report(error);
    }
  }

  dismissNotice(): void {
    this.notice = null;
    this.changed();
  }

  private report(error: unknown): void {
    const text = errorText(error);
    if (text === null) return;
    this.notice = text;
    this.changed();
  }

  private applyState(change: Partial<Omit<ViewerState, 'activations' | 'l10n'>>): void {
    const before = this.state;
    this.state = { ...(before ?? emptyState), ...change };
    if ('model' in change && change.model !== before?.model) {
      this.modelCount++;
      this.tree = this.state.model ? new LayerTree(this.state.model) : null;
      if (this.tree && !this.activeRow) {
        const first = this.tree.roots[0];
        this.memory = { ...this.memory, active: first?.id ?? null, selection: first ? [first.id] : [] };
        this.selected = new Set(this.memory.selection);
      }
      this.updateSearch();
    }
    if (change.slice) this.sliceMarks = new SliceMarks(change.slice);
    if (change.run && change.run.state !== before?.run.state) this.runCount++;
    this.changed();
  }

  private range(from: string, to: string): string[] {
    const a = this.indexOf(from);
    const b = this.indexOf(to);
    if (a < 0 || b < 0) return [to];
    return this.rows.slice(Math.min(a, b), Math.max(a, b) + 1).map((row) => row.id);
  }
}

const emptyState: ViewerState = {
  fileName: '',
  loading: true,
  model: null,
  error: null,
  slice: { marks: [], canUndo: false, canRedo: false, plan: null, planError: null, verification: { state: 'none' } },
  input: { specs: [], resolved: null, error: null, suggestions: [] },
  run: noRun,
  activations: [],
  settings: { colorMap: 'viridis', reduceMotion: false },
  l10n: null,
};

/** Whether the user may write a class that computes the layer. */
export function takesClass(layer: LayerRow): boolean {
  return layer.custom === true || (layer.isLayer && layer.class === 'Lambda');
}

/** Of a scope or a layer that is never called there is no tensor; what reads nothing starts nothing, but for an input. */
export function canMark({ call, layer }: TreeRow, kind: 'output' | 'start'): boolean {
  if (call === null) return false;
  return kind === 'output' || call.inputs.length > 0 || layer.class === 'InputLayer' || layer.class === 'Placeholder';
}

function symmetricDifference(set: ReadonlySet<string>, id: string): Set<string> {
  const next = new Set(set);
  if (!next.delete(id)) next.add(id);
  return next;
}

/** A sentence for a failed request; null for what the user did himself or what has no listener any more. */
export function errorText(error: unknown): string | null {
  if (error instanceof SlicerError) {
    if (error.code === 'cancelled' || error.code === 'closed') return null;
    return sentence(error, t);
  }
  return error instanceof Error ? error.message : String(error);
}
