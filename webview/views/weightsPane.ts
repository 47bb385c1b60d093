/** A layer's weights, and their statistics when they are asked for: reading them costs file access. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { InspectLayer, InspectWeight } from '../../src/core/model/inspectDocument';
import type { HostContract } from '../../src/protocol/viewer';
import { histogram } from '../drawing/histogram';
import { formatBytes, formatValue } from '../format/numbers';
import { formatShape } from '../format/shapes';
import { t } from '../l10n';
import { errorText } from '../state/viewerStore';
import { busy, button, icon, linkButton } from '../ui/controls';
import { StoreView } from './storeView';

type WeightStatistics = HostContract['requests']['weightStatistics']['result']['weights'][number];
type Reading = 'none' | 'reading' | { failed: string } | Map<string, WeightStatistics>;

@customElement('ms-weights')
export class WeightsPane extends StoreView {
  @property({ attribute: false }) layer!: InspectLayer;
  private statistics: Reading = 'none';
  private statisticsOf: InspectLayer | null = null;

  protected override willUpdate(changes: PropertyValues): void {
    if (changes.has('layer') && this.layer !== this.statisticsOf) this.statistics = 'none';
  }

  protected override render(): TemplateResult {
    const { weights } = this.layer;
    if (weights.length === 0) return html`<p class="empty">${t('This layer has no weights of its own.')}</p>`;
    const { statistics } = this;
    const toolbar = html`<div class="pane-toolbar">
      ${
        statistics === 'reading'
          ? busy(t('Reading the weights…'))
          : button({ label: t('Show statistics'), icon: 'graph', onClick: () => void this.read() })
      }
      ${typeof statistics === 'object' && 'failed' in statistics ? html`<p class="failure">${icon('error')}${statistics.failed}</p>` : nothing}
    </div>`;
    return html`${statistics instanceof Map ? nothing : toolbar}
      <ul class="weights">
        ${weights.map((weight) => this.weight(weight, statistics instanceof Map ? statistics.get(weight.name) : undefined))}
      </ul>`;
  }

  private weight(weight: InspectWeight, statistics: WeightStatistics | undefined): TemplateResult {
    const { quantization } = weight;
    return html`<li class="weight">
      <div class="weight-line">
        <span class="code weight-name">${weight.name}</span>
        <span class="code">${formatShape(weight.shape)}</span>
        <span class="code quiet">${weight.dtype}</span>
        ${
          quantization
            ? html`<span
                class="badge plain"
                title=${
                  quantization.scale === undefined
                    ? t('Stored as {dtype}', { dtype: quantization.dtype })
                    : t('Stored as {dtype}: value = stored × {scale} + {min}', {
                        dtype: quantization.dtype,
                        scale: formatValue(quantization.scale, 6),
                        min: formatValue(quantization.min ?? 0, 6),
                      })
                }
                >${quantization.dtype}</span
              >`
            : nothing
        }
        <span class="spacer"></span>
        <span class="quiet tabular">${formatBytes(weight.bytes)}</span>
      </div>
      ${
        weight.sharedWith.length > 0
          ? html`<div class="weight-shared">
              ${icon('link')}${t('Shared with')}
              ${weight.sharedWith.map((address) => html`${linkButton(address, () => this.reveal(address))} `)}
            </div>`
          : nothing
      }
      ${
        statistics
          ? html`<div class="weight-statistics">
              ${histogram(statistics.histogram, t('Values of {name}', { name: weight.name }))}
              <dl class="statistics">
                ${(['min', 'max', 'mean', 'std'] as const).map(
                  (key) =>
                    html`<div>
                      <dt>${t(key)}</dt>
                      <dd>${formatValue(statistics.statistics[key])}</dd>
                    </div>`,
                )}
                ${
                  statistics.statistics.nan + statistics.statistics.inf > 0
                    ? html`<div class="bad">
                        <dt>${t('not finite')}</dt>
                        <dd>${statistics.statistics.nan + statistics.statistics.inf}</dd>
                      </div>`
                    : nothing
                }
              </dl>
            </div>`
          : nothing
      }
    </li>`;
  }

  private async read(): Promise<void> {
    const { layer } = this;
    this.statisticsOf = layer;
    this.statistics = 'reading';
    this.requestUpdate();
    let read: Reading;
    try {
      const { weights } = await this.store.channel.request('weightStatistics', { address: layer.address });
      read = new Map(weights.map((weight) => [weight.name, weight]));
    } catch (error) {
      read = { failed: errorText(error) ?? '' };
    }
    if (this.layer !== layer) return;
    this.statistics = read;
    this.requestUpdate();
  }

  private reveal(address: string): void {
    this.dispatchEvent(new CustomEvent('reveal-address', { bubbles: true, detail: address }));
  }
}
