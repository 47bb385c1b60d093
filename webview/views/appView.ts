/** The whole editor: header, tree beside details, slice bar; or the page that says why there is none. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { t } from '../l10n';
import type { TreeView } from '../tree/treeView';
import { busy, progressBar } from '../ui/controls';
import type { DetailsView } from './detailsView';
import { errorPage, noticeBanner, structureBanner } from './errorView';
import type { SearchView } from './searchView';
import { StoreView } from './storeView';

/** Narrower than this (px), the panes stack. */
const narrow = 700;
/** A spinner before this (ms) would only flicker. */
const patience = 500;

@customElement('ms-app')
export class AppView extends StoreView {
  @state() private stacked = window.innerWidth <= narrow;
  @state() private waited = false;

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener('resize', this.onResize);
    document.addEventListener('keydown', this.onKey);
    setTimeout(() => (this.waited = true), patience);
    this.store.view = this;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener('resize', this.onResize);
    document.removeEventListener('keydown', this.onKey);
  }

  private get tree(): TreeView | null {
    return this.querySelector<TreeView>('ms-tree');
  }

  private get search(): SearchView | null {
    return this.querySelector<SearchView>('ms-search');
  }

  protected override willUpdate(): void {
    document.body.classList.toggle('reduce-motion', this.store.state?.settings.reduceMotion === true);
  }

  protected override render(): TemplateResult | typeof nothing {
    const { store } = this;
    const { state: shown } = store;
    if (!shown?.model) {
      if (shown?.error && !shown.loading) return html`${noticeBanner(store)}${errorPage(store, shown.error)}`;
      if (!this.waited || (!shown && store.notice !== null)) return noticeBanner(store);
      return html`${noticeBanner(store)}
        <main class="loading">${busy(t('Opening {file}…', { file: shown?.fileName ?? '' }))}</main>`;
    }
    const { split, splitStacked } = store.memory;
    const share = ((this.stacked ? splitStacked : split) * 100).toFixed(2);
    return html`<ms-header .store=${store}></ms-header>
      ${shown.loading ? html`<div class="reload-line">${progressBar(t('Reading the file again'), 0, 0)}</div>` : nothing}
      ${shown.error ? structureBanner(store, shown.error) : nothing} ${noticeBanner(store)}
      <main class="workspace ${this.stacked ? 'stacked' : ''}" .style=${`--tree-share:${share}%`}>
        <section class="tree-pane" id="tree-pane" aria-label=${t('Layer tree')}>
          <ms-search .store=${store}></ms-search>
          <ms-tree .store=${store}></ms-tree>
        </section>
        <ms-splitter .store=${store} .stacked=${this.stacked}></ms-splitter>
        <section class="details-pane" aria-label=${t('Details')}>
          <ms-details .store=${store}></ms-details>
        </section>
      </main>
      <ms-slice-bar .store=${store}></ms-slice-bar>`;
  }

  protected override firstUpdated(_changes: PropertyValues): void {
    this.addEventListener('reveal-address', (event) => this.reveal((event as CustomEvent<string>).detail));
    this.addEventListener('show-active', () => this.tree?.showActive());
    this.addEventListener('focus-tree', () => this.tree?.focusTree());
    this.addEventListener('open-details', () => this.querySelector<DetailsView>('ms-details')?.focusDetails());
  }

  focusSearch(): void {
    this.search?.focusSearch();
  }

  reveal(address: string): void {
    if (!this.store.reveal(address)) return;
    void this.updateComplete.then(async () => {
      await this.tree?.updateComplete;
      this.tree?.showActive();
      this.tree?.focusTree();
    });
  }

  private readonly onResize = (): void => {
    this.stacked = window.innerWidth <= narrow;
  };

  /** VS Code swallows undo in read-only editors and has no find here: both are ours, and it must not see them. */
  private readonly onKey = (event: KeyboardEvent): void => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key === 'f' && !event.shiftKey) {
      event.preventDefault();
      event.stopPropagation();
      this.search?.focusSearch();
      return;
    }
    const request = key === 'z' ? (event.shiftKey ? 'redo' : 'undo') : key === 'y' ? 'redo' : null;
    if (request === null) return;
    event.stopPropagation();
    if (isTextField(event.composedPath()[0])) return;
    event.preventDefault();
    void this.store.ask(this.store.channel.request(request, {}));
  };
}

function isTextField(target: EventTarget | undefined): boolean {
  return (
    target instanceof HTMLTextAreaElement ||
    (target instanceof HTMLInputElement && !['checkbox', 'radio', 'button'].includes(target.type))
  );
}
