/** The search box above the tree, and the tree's settings. */
import { html, nothing, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import { plural, t } from '../l10n';
import { columnIds, columnLabel } from '../tree/columns';
import { icon, iconButton } from '../ui/controls';
import { menuButton } from '../ui/menuButton';
import { StoreView } from './storeView';

@customElement('ms-search')
export class SearchView extends StoreView {
  focusSearch(): void {
    const input = this.querySelector('input');
    input?.focus();
    input?.select();
  }

  protected override render(): TemplateResult {
    const { memory, search } = this.store;
    const hint = t('Search name, class, shape:64, params>1e5, /regex/');
    return html`<div class="search" role="search">
      <div class="search-field">
        ${icon('search')}
        <input
          type="text"
          spellcheck="false"
          autocomplete="off"
          aria-label=${t('Search layers')}
          aria-describedby="search-status"
          placeholder=${hint}
          title=${hint}
          .value=${memory.query}
          @input=${(event: Event) => this.store.setQuery((event.target as HTMLInputElement).value)}
          @keydown=${this.onKey}
        />
        <span id="search-status" class="search-status" role="status">${this.status()}</span>
        ${
          search
            ? html`${iconButton({ label: t('Previous match'), keys: 'Shift+Enter', icon: 'arrow-up', disabled: search.hits.size === 0, onClick: () => this.step(-1) })}
              ${iconButton({ label: t('Next match'), keys: 'Enter', icon: 'arrow-down', disabled: search.hits.size === 0, onClick: () => this.step(1) })}
              ${iconButton({ label: t('Clear search'), keys: 'Esc', icon: 'close', onClick: () => this.clear() })}`
            : nothing
        }
      </div>
      ${menuButton(
        t('Columns'),
        columnIds.map((id) => ({
          label: columnLabel(id),
          checked: !memory.hiddenColumns.includes(id),
          run: () => this.store.remember({ hiddenColumns: flip(memory.hiddenColumns, id) }),
        })),
        'settings',
      )}
    </div>`;
  }

  private status(): string {
    const { search } = this.store;
    if (!search) return '';
    if (search.hits.size === 0) return t('No match');
    const hits = this.hits();
    const at = hits.findIndex((row) => row.id === this.store.memory.active);
    if (at >= 0) return t('{at} of {count}', { at: at + 1, count: search.hits.size });
    return plural(search.hits.size, '1 match', '{count} matches');
  }

  private hits(): { id: string }[] {
    const { search, rows } = this.store;
    return search ? rows.filter((row) => search.hits.has(row.layer.address)) : [];
  }

  private step(by: 1 | -1): void {
    const hits = this.hits();
    if (hits.length === 0) return;
    const { rows, memory } = this.store;
    const active = this.store.indexOf(memory.active);
    const positions = hits.map((hit) => this.store.indexOf(hit.id));
    const next =
      by === 1
        ? (positions.find((position) => position > active) ?? positions[0])
        : (positions.findLast((position) => position < active) ?? positions.at(-1));
    const row = next === undefined ? undefined : rows[next];
    if (!row) return;
    this.store.select(row.id);
    this.dispatchEvent(new CustomEvent('show-active', { bubbles: true }));
  }

  private clear(): void {
    const { activeRow: row, search } = this.store;
    const found = row !== null && search?.hits.has(row.layer.address) === true;
    this.store.setQuery('');
    // What was found in a closed scope would be gone from sight, and from the keys, at once.
    if (found) this.store.reveal(row.id);
    this.dispatchEvent(new CustomEvent('show-active', { bubbles: true }));
    this.querySelector('input')?.focus();
  }

  private onKey(event: KeyboardEvent): void {
    if (event.key === 'Enter') this.step(event.shiftKey ? -1 : 1);
    else if (event.key === 'Escape' && this.store.memory.query !== '') this.clear();
    else if (event.key === 'Escape' || event.key === 'ArrowDown')
      this.dispatchEvent(new CustomEvent('focus-tree', { bubbles: true }));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

function flip(list: readonly string[], item: string): string[] {
  return list.includes(item) ? list.filter((other) => other !== item) : [...list, item];
}
