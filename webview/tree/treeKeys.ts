/** The tree's keyboard: which key does what. ARIA's treegrid pattern, with VS Code's own habits. */
import { html, type TemplateResult } from 'lit';
import { t } from '../l10n';
import type { ViewerStore } from '../state/viewerStore';
import type { TreeRow } from './rows';

export interface TreeActions {
  /** Rows on one page. */
  pageSize: number;
  scrollTo(index: number): void;
  open(row: TreeRow): void;
}

/** Names hardly ever start with one of these, so that typing still finds rows. */
const cutKeys: Readonly<Record<string, 'sliceBeforeLayer' | 'sliceToLayer' | 'splitAtLayer'>> = {
  '<': 'sliceBeforeLayer',
  '>': 'sliceToLayer',
  '|': 'splitAtLayer',
};

/** The keys in one line below the tree; also what screen readers say of it. */
export function keysLine(): TemplateResult {
  const key = (keys: string, label: string): TemplateResult => html`<span><kbd>${keys}</kbd> ${label}</span>`;
  return html`<p id="tree-keys" class="tree-keys">
    ${key('Space', t('output'))} ${key('Shift+Space', t('start here'))} ${key('<', t('slice up to before'))}
    ${key('>', t('slice up to here'))} ${key('|', t('split'))}
  </p>`;
}

/** Letters typed within this many ms of each other make one word. */
const typeAheadPause = 800;

export class TreeKeys {
  private typed = '';
  private typedAt = 0;

  constructor(private readonly store: () => ViewerStore) {}

  /** Returns whether the key was used. */
  handle(event: KeyboardEvent, actions: TreeActions): boolean {
    const store = this.store();
    const { rows } = store;
    const at = Math.max(0, store.indexOf(store.memory.active));
    const row = rows[at];
    if (!row) return false;
    // On many keyboards `<`, `|` and others are typed with AltGr, which Windows reports as Ctrl and Alt.
    const typed = event.getModifierState('AltGraph');
    const control = (event.ctrlKey || event.metaKey) && !typed;
    const go = (index: number): boolean =>
      this.go(index, event.shiftKey ? 'extend' : control ? 'move' : 'replace', actions);

    switch (event.key) {
      case 'ArrowDown':
        return go(at + 1);
      case 'ArrowUp':
        return go(at - 1);
      case 'Home':
        return go(0);
      case 'End':
        return go(rows.length - 1);
      case 'PageDown':
        return go(at + actions.pageSize);
      case 'PageUp':
        return go(at - actions.pageSize);
      case 'ArrowRight':
        if (!row.expandable) return true;
        if (!store.isExpanded(row)) store.setExpanded([row], true);
        else this.go(at + 1, 'replace', actions);
        return true;
      case 'ArrowLeft':
        if (row.expandable && store.isExpanded(row)) store.setExpanded([row], false);
        else if (row.parent) this.go(store.indexOf(row.parent.id), 'replace', actions);
        return true;
      case 'Enter':
        // Ctrl+Enter runs the model: a keybinding of VS Code, which a handled key would never reach.
        if (control) return false;
        store.select(row.id);
        actions.open(row);
        return true;
      case 'Escape':
        store.select(row.id);
        return true;
    }
    if (control) return this.withControl(event.key.toLowerCase(), row, event.code);
    return event.key.length === 1 && (typed || !event.altKey) ? this.character(event, row, at, actions) : false;
  }

  private withControl(key: string, row: TreeRow, code: string): boolean {
    const store = this.store();
    if (key === 'c') {
      const addresses = store.selectedAddresses();
      void store.copy((addresses.length > 0 ? addresses : [row.id]).join('\n'));
      return true;
    }
    if (code === 'Space') {
      store.select(row.id, 'toggle');
      return true;
    }
    // Selecting 20,000 rows helps nobody, and the browser would select the whole page's text.
    return key === 'a';
  }

  private character(event: KeyboardEvent, row: TreeRow, at: number, actions: TreeActions): boolean {
    const store = this.store();
    const typing = event.timeStamp - this.typedAt < typeAheadPause && this.typed !== '';
    if (!typing && event.key === ' ') {
      if (!store.isSelected(row.id)) store.select(row.id);
      void store.toggleRows(event.shiftKey ? 'start' : 'output', store.selectedRows());
      return true;
    }
    const command = typing || !Object.hasOwn(cutKeys, event.key) ? undefined : cutKeys[event.key];
    if (command) {
      if (!store.isSelected(row.id)) store.select(row.id);
      void store.command(command, store.selectedAddresses());
      return true;
    }
    if (event.key === '*') {
      const siblings = row.parent ? store.tree?.children(row.parent) : store.tree?.roots;
      store.setExpanded(siblings ?? [], true);
      return true;
    }
    this.typed = (typing ? this.typed : '') + event.key.toLowerCase();
    this.typedAt = event.timeStamp;
    // The same letter again walks through the rows that start with it.
    const repeated = [...this.typed].every((letter) => letter === this.typed[0]);
    const word = repeated ? (this.typed[0] ?? '') : this.typed;
    const first = repeated ? at + 1 : at;
    const { rows } = store;
    for (let step = 0; step < rows.length; step++) {
      const index = (first + step) % rows.length;
      if (rows[index]?.label.toLowerCase().startsWith(word)) return this.go(index, 'replace', actions);
    }
    return true;
  }

  private go(index: number, mode: 'replace' | 'extend' | 'move', actions: TreeActions): boolean {
    const store = this.store();
    const to = Math.min(Math.max(0, index), store.rows.length - 1);
    const row = store.rows[to];
    if (!row) return false;
    store.select(row.id, mode);
    actions.scrollTo(to);
    return true;
  }
}
