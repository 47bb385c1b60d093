/** The layer tree: an ARIA treegrid whose rows exist only while they are on screen. */
import {
  defaultRangeExtractor,
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
} from '@tanstack/virtual-core';
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { t } from '../l10n';
import { takesClass } from '../state/viewerStore';
import { icon } from '../ui/controls';
import { StoreView } from '../views/storeView';
import { columnWidths, gridTemplate, visibleColumns, type Column, type MeasureText, type Widths } from './columns';
import { markIcons } from './markCells';
import { rowView } from './rowView';
import type { TreeRow } from './rows';
import { keysLine, TreeKeys } from './treeKeys';

const rowHeight = 22;
const headerHeight = 24;

@customElement('ms-tree')
export class TreeView extends StoreView {
  private readonly keys = new TreeKeys(() => this.store);
  private widths: Widths | null = null;
  private widthsOf = -1;
  private width = 0;
  private restoredScroll = false;
  private paintedModel = 0;
  private problems = new Map<string, 'error' | 'warning'>();
  private unmount: (() => void) | undefined;
  private readonly resizes = new ResizeObserver(([entry]) => {
    const width = Math.floor(entry?.contentRect.width ?? 0);
    if (width !== this.width) {
      this.width = width;
      this.requestUpdate();
    }
  });

  private readonly virtualizer = new Virtualizer<HTMLElement, HTMLElement>({
    count: 0,
    getScrollElement: () => this.scroller,
    estimateSize: () => rowHeight,
    overscan: 6,
    initialRect: { width: 0, height: 800 },
    scrollPaddingStart: headerHeight,
    scrollMargin: headerHeight,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    // The active row stays in the DOM, because aria-activedescendant names it.
    rangeExtractor: (range) => {
      const indexes = defaultRangeExtractor(range);
      const active = this.activeIndex;
      return active < 0 || indexes.includes(active) ? indexes : [...indexes, active].sort((a, b) => a - b);
    },
    onChange: () => this.requestUpdate(),
  });

  private get scroller(): HTMLElement | null {
    return this.querySelector<HTMLElement>('.tree');
  }

  private get activeIndex(): number {
    return this.store.indexOf(this.store.memory.active);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.unmount?.();
    this.unmount = undefined;
    this.resizes.disconnect();
  }

  focusTree(): void {
    this.scroller?.focus();
  }

  /** Scrolls so that the active row is in view. */
  showActive(): void {
    const index = this.activeIndex;
    if (index >= 0) this.virtualizer.scrollToIndex(index, { align: 'auto' });
  }

  protected override willUpdate(): void {
    const { tree, rows, modelCount } = this.store;
    if (tree && this.widthsOf !== modelCount) {
      this.widthsOf = modelCount;
      this.widths = columnWidths(tree.model, textMeasure());
      this.problems = new Map();
      for (const { address, severity } of tree.model.problems) {
        if (address !== null && this.problems.get(address) !== 'error') this.problems.set(address, severity);
      }
    }
    this.virtualizer.setOptions({ ...this.virtualizer.options, count: rows.length });
  }

  protected override render(): TemplateResult {
    const { rows, tree, search } = this.store;
    const columns = this.columns();
    const active = this.activeIndex;
    return html`<div
        class="tree"
        role="treegrid"
        tabindex="0"
        aria-label=${t('Layers')}
        aria-multiselectable="true"
        aria-rowcount=${rows.length + 1}
        aria-colcount=${columns.length + 3}
        aria-describedby="tree-keys"
        aria-keyshortcuts=${'Space Shift+Space < > |'}
        aria-activedescendant=${active >= 0 ? `tree-row-${active}` : nothing}
        .style=${`--tree-columns:${gridTemplate(columns)}`}
        @keydown=${this.onKey}
        @mousedown=${this.onPress}
        @dblclick=${this.onDoubleClick}
        @contextmenu=${this.onContextMenu}
        @scroll=${this.onScroll}
      >
        <div role="rowgroup" class="tree-head">
          <div role="row" class="tree-header" aria-rowindex="1">
            ${gutterHeader(markIcons.output.unset, t('Output'))} ${gutterHeader(markIcons.start.unset, t('Start here'))}
            <div role="columnheader" class="cell name-header">${t('Layer')}</div>
            ${columns.map(
              (column) =>
                html`<div role="columnheader" class="cell ${column.alignEnd ? 'end' : ''}">${column.label}</div>`,
            )}
          </div>
        </div>
        <div role="rowgroup" class="tree-body" .style=${`height:${this.virtualizer.getTotalSize()}px`}>
          ${repeat(
            this.virtualizer.getVirtualItems(),
            (item) => rows[item.index]?.id ?? item.index,
            (item) => {
              const row = rows[item.index];
              return row ? this.row(row, item.index, item.start - headerHeight, columns) : nothing;
            },
          )}
        </div>
        ${
          tree && rows.length === 0 && search
            ? html`<div class="tree-empty" role="row"><span role="gridcell">${t('No layer matches.')}</span></div>`
            : nothing
        }
      </div>
      ${keysLine()}`;
  }

  protected override firstUpdated(): void {
    this.unmount = this.virtualizer._didMount();
    if (this.scroller) this.resizes.observe(this.scroller);
  }

  protected override updated(_changes: PropertyValues): void {
    this.virtualizer._willUpdate();
    const { rows, memory, modelCount } = this.store;
    if (rows.length === 0) return;
    if (!this.restoredScroll && this.scroller) {
      this.restoredScroll = true;
      this.scroller.scrollTop = memory.scrollTop;
    }
    if (this.paintedModel !== modelCount) {
      this.paintedModel = modelCount;
      const count = Math.min(rows.length, this.virtualizer.getVirtualItems().length);
      // The frame after the next one starts when these rows are on screen.
      requestAnimationFrame(() => requestAnimationFrame(() => this.store.channel.send('painted', { rows: count })));
    }
  }

  private columns(): Column[] {
    const { memory, activations } = this.store;
    if (!this.widths) return [];
    return visibleColumns(this.widths, memory.hiddenColumns, this.width || 1200, activations.size > 0);
  }

  private row(row: TreeRow, index: number, top: number, columns: readonly Column[]): TemplateResult {
    const { store } = this;
    return rowView(row, {
      index,
      top,
      columns,
      selected: store.isSelected(row.id),
      active: row.id === store.memory.active,
      expanded: row.expandable && store.isExpanded(row),
      marks: store.marksOf(row),
      inSlice: store.inSlice(row),
      hit: store.search?.hits.has(row.layer.address) ?? false,
      activation: store.activations.get(row.id),
      problem: this.problems.get(row.layer.address) ?? null,
      context: this.context(row),
      plainOperations: store.tree?.model.format === 'graph-model',
    });
  }

  /** What VS Code hands to the commands of the context menu. */
  private context({ id, layer }: TreeRow): string {
    const addresses = this.store.isSelected(id) ? this.store.memory.selection.slice(0, 100) : [id];
    const context = { webviewSection: 'layer', address: id, addresses, preventDefaultContextMenuItems: true };
    return JSON.stringify(takesClass(layer) ? { ...context, customLayer: true } : context);
  }

  private rowAt(event: Event): TreeRow | undefined {
    const element = (event.target as Element).closest<HTMLElement>('.tree-row');
    return element ? this.store.rows[Number(element.dataset['index'])] : undefined;
  }

  private onPress(event: MouseEvent): void {
    const row = this.rowAt(event);
    if (!row || event.button !== 0) return;
    const target = event.target as Element;
    const gutter = target.closest('.gutter-cell');
    if (gutter) {
      event.preventDefault();
      this.focusTree();
      this.store.select(row.id);
      this.pressGutter(row, gutter, target);
      return;
    }
    if (target.closest('.twistie') && row.expandable) {
      this.store.setExpanded([row], !this.store.isExpanded(row));
      return;
    }
    this.store.select(row.id, event.shiftKey ? 'extend' : event.ctrlKey || event.metaKey ? 'toggle' : 'replace');
    if (event.shiftKey) event.preventDefault();
    this.focusTree();
  }

  private pressGutter(row: TreeRow, gutter: Element, target: Element): void {
    const { store } = this;
    if (!gutter.classList.contains('start-cell')) return void store.toggleRows('output', [row]);
    const marks = store.marksOf(row)?.marks;
    const inputs = marks?.input ?? [];
    const onInput = target.closest('[data-mark="input"]') !== null || (marks?.start.length ?? 0) === 0;
    if (inputs.length === 0 || !onInput) return void store.toggleRows('start', [row]);
    void store.toggleMarks(
      'input',
      inputs.map(({ address }) => address),
    );
  }

  private onDoubleClick(event: MouseEvent): void {
    const row = this.rowAt(event);
    const target = event.target as Element;
    if (!row || target.closest('.gutter-cell, .twistie')) return;
    if (row.expandable) this.store.setExpanded([row], !this.store.isExpanded(row));
    else this.openDetails();
  }

  private onContextMenu(event: MouseEvent): void {
    const row = this.rowAt(event);
    if (row) {
      if (!this.store.isSelected(row.id)) this.store.select(row.id);
      return;
    }
    // By key the event speaks of the whole tree: say again that it is the active row's, and where that is.
    event.preventDefault();
    event.stopPropagation();
    const active = this.querySelector('.tree-row.active');
    if (event.button === 2 || !active) return;
    const { left, bottom } = active.getBoundingClientRect();
    active.dispatchEvent(
      new MouseEvent('contextmenu', { bubbles: true, cancelable: true, clientX: left + 44, clientY: bottom }),
    );
  }

  private onKey(event: KeyboardEvent): void {
    const height = this.scroller?.clientHeight ?? 400;
    const used = this.keys.handle(event, {
      pageSize: Math.max(1, Math.floor((height - headerHeight) / rowHeight) - 1),
      scrollTo: (index) => this.virtualizer.scrollToIndex(index, { align: 'auto' }),
      open: () => this.openDetails(),
    });
    if (!used) return;
    event.preventDefault();
    // VS Code would run its own command for the same key.
    event.stopPropagation();
  }

  private openDetails(): void {
    this.store.remember({ tab: 'activations' });
    this.dispatchEvent(new CustomEvent('open-details', { bubbles: true }));
  }

  private scrollTimer: ReturnType<typeof setTimeout> | undefined;

  private onScroll(): void {
    clearTimeout(this.scrollTimer);
    this.scrollTimer = setTimeout(() => {
      if (this.scroller) this.store.remember({ scrollTop: this.scroller.scrollTop });
    }, 300);
  }
}

/** The columns are too narrow for words; the icons stand above those that they name. */
function gutterHeader(name: string, label: string): TemplateResult {
  return html`<div role="columnheader" class="cell gutter-cell" title=${label}>
    ${icon(name)}<span class="visually-hidden">${label}</span>
  </div>`;
}

function textMeasure(): MeasureText {
  const context = document.createElement('canvas').getContext('2d');
  const style = getComputedStyle(document.documentElement);
  const family = (name: string, otherwise: string): string => style.getPropertyValue(name).trim() || otherwise;
  const fonts = {
    ui: `${family('--vscode-font-size', '13px')} ${family('--vscode-font-family', 'sans-serif')}`,
    code: `12px ${family('--vscode-editor-font-family', 'monospace')}`,
  };
  return (text, font) => {
    if (!context) return text.length * 8;
    context.font = fonts[font];
    return context.measureText(text).width;
  };
}
