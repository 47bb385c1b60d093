/** All about the active row: activations, weights, config, connections. */
import { html, nothing, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import type { InspectLayer } from '../../src/core/model/inspectDocument';
import { formatShape } from '../format/shapes';
import { plural, t } from '../l10n';
import type { TabId } from '../state/memory';
import { Resource } from '../state/resource';
import { canMark, takesClass } from '../state/viewerStore';
import { markIcons } from '../tree/markCells';
import type { TreeRow } from '../tree/rows';
import { busy, icon, iconButton, linkButton } from '../ui/controls';
import { tabList } from '../ui/tabs';
import { configPane } from './configPane';
import { connectionsPane } from './connectionsPane';
import { StoreView } from './storeView';
import './tensorsPane';

@customElement('ms-details')
export class DetailsView extends StoreView {
  private readonly details = new Resource<InspectLayer>(() => this.requestUpdate());

  focusDetails(): void {
    void this.updateComplete.then(() => {
      const tab = this.querySelector<HTMLElement>('.tab[aria-selected="true"]');
      tab?.focus();
      tab?.scrollIntoView({ block: 'nearest' });
    });
  }

  protected override render(): TemplateResult {
    const row = this.store.activeRow;
    if (!row) return html`<p class="empty">${t('Select a layer to see what it holds and what it computes.')}</p>`;
    const { tab } = this.store.memory;
    return html`<div class="details" @keydown=${this.onKey}>
      ${this.heading(row)}
      ${tabList<TabId>(
        t('Details of {name}', { name: row.label }),
        [
          { id: 'activations', label: t('Activations') },
          { id: 'tensors', label: t('Tensors') },
          {
            id: 'weights',
            label: row.layer.weights > 0 ? t('Weights ({count})', { count: row.layer.weights }) : t('Weights'),
          },
          { id: 'config', label: t('Config') },
          { id: 'connections', label: t('Connections') },
        ],
        tab,
        (id) => this.store.remember({ tab: id }),
      )}
      <div
        class="tab-panel"
        role="tabpanel"
        id="tab-panel"
        aria-labelledby="tab-${tab}"
        tabindex=${tab === 'config' ? 0 : nothing}
      >
        ${this.panel(tab, row)}
      </div>
    </div>`;
  }

  private heading(row: TreeRow): TemplateResult {
    const { selection } = this.store.memory;
    const { marks } = this.store.marksOf(row) ?? {};
    return html`<div class="details-heading">
      <h2 title=${row.id}>${row.label}</h2>
      <span class="details-class">${row.layer.class}</span>
      ${
        takesClass(row.layer)
          ? linkButton(
              t('Write its class…'),
              () => void this.store.command('createCustomLayer', [row.id]),
              t('A file to begin with, with the configuration and the weights that the model has'),
            )
          : nothing
      }
      <span class="code quiet">${row.call?.outputs.map((output) => formatShape(output.shape)).join(' ') ?? ''}</span>
      <span class="heading-actions">
        ${selection.length > 1 ? html`<span class="quiet">${plural(selection.length, '1 row selected', '{count} rows selected')}</span>` : nothing}
        ${
          row.call
            ? iconButton({
                label: t('Mark as output of the slice'),
                keys: 'Space',
                icon: marks?.output.length ? markIcons.output.set : markIcons.output.unset,
                className: 'mark-button of-output',
                pressed: (marks?.output.length ?? 0) > 0,
                onClick: () => void this.store.toggleRows('output', [row]),
              })
            : nothing
        }
        ${
          canMark(row, 'start')
            ? iconButton({
                label: t('Start here: what this layer reads becomes an input'),
                keys: 'Shift+Space',
                icon: markIcons.start.set,
                className: 'mark-button of-start',
                pressed: (marks?.start.length ?? 0) > 0,
                onClick: () => void this.store.toggleRows('start', [row]),
              })
            : nothing
        }
        ${iconButton({ label: t('Copy address'), icon: 'copy', onClick: () => void this.store.copy(row.id) })}
      </span>
    </div>`;
  }

  private panel(tab: TabId, row: TreeRow): TemplateResult {
    if (tab === 'activations') return html`<ms-activations .store=${this.store} .row=${row}></ms-activations>`;
    if (tab === 'tensors') return html`<ms-tensors .store=${this.store} .row=${row}></ms-tensors>`;
    const { address } = row.layer;
    const details = this.details.use(
      `${this.store.modelCount}\n${address}`,
      address,
      (signal) => this.store.channel.request('details', { address }, { signal }),
      40,
    );
    switch (details.state) {
      case 'empty':
        return html``;
      case 'loading':
        return html`<div class="late">${busy(t('Reading…'))}</div>`;
      case 'failed':
        return html`<p class="failure">${icon('error')}${details.message}</p>`;
      case 'done':
        if (tab === 'weights') return html`<ms-weights .store=${this.store} .layer=${details.value}></ms-weights>`;
        if (tab === 'config') return configPane(this.store, details.value);
        return connectionsPane(this.store, row, details.value, (to) =>
          this.dispatchEvent(new CustomEvent('reveal-address', { bubbles: true, detail: to })),
        );
    }
  }

  private onKey(event: KeyboardEvent): void {
    if (event.key !== 'Escape' || event.defaultPrevented) return;
    this.dispatchEvent(new CustomEvent('focus-tree', { bubbles: true }));
  }
}
