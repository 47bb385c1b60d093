/** What file this is: name, format, size; repairs and problems on demand; the backend. */
import { html, nothing, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import type { ModelFormat } from '../../src/core/model/modelFile';
import type { ViewerModel } from '../../src/protocol/viewer';
import { formatBytes, formatCompact, formatCount } from '../format/numbers';
import { plural, t } from '../l10n';
import { icon, linkButton } from '../ui/controls';
import { menuButton } from '../ui/menuButton';
import { popupButton } from '../ui/popup';
import { StoreView } from './storeView';

@customElement('ms-header')
export class HeaderView extends StoreView {
  protected override render(): TemplateResult {
    const model = this.store.state?.model;
    if (!model) return html``;
    return html`<header class="header">
      <h1 class="model-name" title=${model.file}>${model.name || model.file}</h1>
      <ul class="facts" aria-label=${t('About the model')}>
        ${this.facts(model).map(({ text, title }) => html`<li title=${title ?? nothing}>${text}</li>`)}
      </ul>
      <span class="spacer"></span>
      ${this.notes(model)} ${this.backend()}
      ${menuButton(
        t('More actions'),
        [
          { label: t('Export summary…'), run: () => void this.store.command('exportSummary') },
          ...(this.store.activations.size > 0
            ? [{ label: t('Export activations…'), run: () => void this.store.command('exportActivations') }]
            : []),
          { label: t('Reload'), run: () => void this.store.command('reload') },
          { label: t('Reopen as text'), run: () => void this.store.command('reopenAsText') },
          { label: t('Show log'), run: () => void this.store.command('showLog') },
        ],
        'ellipsis',
      )}
    </header>`;
  }

  private facts(model: ViewerModel): { text: string; title?: string }[] {
    const { totals, producer } = model;
    const facts: { text: string; title?: string }[] = [{ text: formatName(model.format) }];
    if (producer.keras !== null) facts.push({ text: `Keras ${producer.keras}` });
    else if (producer.converter !== null)
      facts.push({ text: t('converter {version}', { version: producer.converter }) });
    if (model.format === 'graph-model') {
      const nodes = model.layers.filter((layer) => layer.calls.length > 0).length;
      facts.push({ text: plural(nodes, '1 node', '{count} nodes') });
    } else facts.push({ text: plural(totals.layers, '1 layer', '{count} layers') });
    facts.push({
      text: t('{count} params', {
        count: totals.params < 1e7 ? formatCount(totals.params) : formatCompact(totals.params),
      }),
      title: t('{total} parameters: {trainable} trainable, {fixed} not trainable', {
        total: formatCount(totals.params),
        trainable: formatCount(totals.trainable),
        fixed: formatCount(totals.nonTrainable),
      }),
    });
    if (totals.macs !== null) {
      const sum = t('{count} MACs', { count: formatCompact(totals.macs) });
      const exact = t('{count} multiply-accumulates for one example', { count: formatCount(totals.macs) });
      const unknown = plural(totals.macsUnknown, '1 call is not counted', '{count} calls are not counted');
      facts.push(
        totals.macsUnknown > 0 ? { text: `≥ ${sum}`, title: `${exact}; ${unknown}` } : { text: sum, title: exact },
      );
    }
    facts.push({ text: formatBytes(totals.weightBytes), title: t('Weights as stored') });
    return facts;
  }

  private notes(model: ViewerModel): TemplateResult | typeof nothing {
    const { repairs, problems } = model;
    if (repairs.length + problems.length === 0) return nothing;
    const errors = problems.some((problem) => problem.severity === 'error');
    const kind = errors ? 'error' : problems.length > 0 ? 'warning' : 'info';
    const labels = [
      ...(problems.length > 0 ? [plural(problems.length, '1 problem', '{count} problems')] : []),
      ...(repairs.length > 0 ? [plural(repairs.length, '1 repair', '{count} repairs')] : []),
    ];
    return popupButton({
      id: 'file-notes',
      label: t('Problems and repairs'),
      button: {
        className: `chip ${kind}`,
        content: html`${icon(repairs.length > 0 && problems.length === 0 ? 'tools' : kind)}${labels.join(', ')}`,
      },
      content: html`${
        problems.length > 0
          ? html`<h2>${t('Problems')}</h2>
              <ul>
                ${problems.map((problem) => this.note(problem.severity, problem.message, problem.address))}
              </ul>`
          : nothing
      }
      ${
        repairs.length > 0
          ? html`<h2>${t('Repairs made in memory so that the file opens')}</h2>
              <ul>
                ${repairs.map((repair) => this.note('tools', repair.message, repair.address))}
              </ul>`
          : nothing
      }`,
    });
  }

  private note(iconName: string, message: string, address: string | null): TemplateResult {
    return html`<li class="note ${iconName}">
      ${icon(iconName)}
      <span>${message} ${address !== null ? linkButton(address, () => this.showAddress(address)) : nothing}</span>
    </li>`;
  }

  private showAddress(address: string): void {
    this.querySelector<HTMLElement>('#file-notes')?.hidePopover();
    this.dispatchEvent(new CustomEvent('reveal-address', { bubbles: true, detail: address }));
  }

  private backend(): TemplateResult | typeof nothing {
    const run = this.store.state?.run;
    if (!run || run.backend === null) return nothing;
    const { fallbacks } = run;
    if (fallbacks.length === 0) {
      return html`<span
        class="chip plain"
        title=${t('The last run used the {backend} backend', { backend: run.backend })}
      >
        ${icon('server-process')}${run.backend}
      </span>`;
    }
    return popupButton({
      id: 'fallbacks',
      label: t('Fall-backs'),
      button: {
        className: 'chip warning',
        content: html`${icon('server-process')}${run.backend}${icon('arrow-small-right')}${[...new Set(fallbacks.map((f) => f.backend))].join(', ')}
          <span>${plural(fallbacks.length, '1 fall-back', '{count} fall-backs')}</span>`,
      },
      content: html`<h2>${t('Layers that ran on another backend')}</h2>
        <ul>
          ${fallbacks
            .slice(0, 200)
            .map(
              (fallback) =>
                html`<li class="note warning">
                  ${icon('warning')}<span
                    >${linkButton(fallback.address, () => this.showAddress(fallback.address))} ${fallback.backend}:
                    ${fallback.reason}</span
                  >
                </li>`,
            )}
        </ul>`,
    });
  }
}

function formatName(format: ModelFormat): string {
  switch (format) {
    case 'layers-model':
      return t('TF.js layers model');
    case 'graph-model':
      return t('TF.js graph model');
    case 'keras-v3':
      return t('Keras file');
    case 'keras-h5':
      return t('Keras HDF5');
    case 'weights-h5':
      return t('Keras weights');
    case 'weights-manifest':
      return t('TF.js weights manifest');
  }
}
