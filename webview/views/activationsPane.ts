/** What the active row computes for the input: input, run, statistics, preview. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { Preview, PreviewOptions, PreviewResult, Statistics } from '../../src/protocol/engine';
import type { RunState } from '../../src/protocol/viewer';
import { histogram } from '../drawing/histogram';
import { formatCount, formatMilliseconds, formatPercent, formatValue } from '../format/numbers';
import { formatShape } from '../format/shapes';
import { t } from '../l10n';
import { Resource } from '../state/resource';
import type { TreeRow } from '../tree/rows';
import { busy, button, icon, linkButton, progressBar, textField } from '../ui/controls';
import { dropdown } from '../ui/dropdown';
import { colorMapOptions } from './colorMapOptions';
import type { LargeMap } from './largeMap';
import { previewView } from './previewView';
import { isInner } from '../state/sliceMarks';
import { StoreView } from './storeView';
import { roleText } from './tensorsPane';

/** Tiles, and single values, that are asked for at once. */
const tileLimit = 64;
const valueLimit = 2000;

@customElement('ms-activations')
export class ActivationsPane extends StoreView {
  @property({ attribute: false }) row!: TreeRow;
  @state() private example = 0;
  @state() private offset = 0;
  @state() private enlarged: number | null = null;
  private readonly preview = new Resource<PreviewResult>(() => this.requestUpdate());
  private shownAddress = '';

  protected override willUpdate(_changes: PropertyValues): void {
    if (this.address === this.shownAddress) return;
    this.shownAddress = this.address;
    this.offset = 0;
    this.enlarged = null;
  }

  protected override render(): TemplateResult {
    const run = this.store.state?.run;
    if (!run) return html``;
    return html`<ms-inputs .store=${this.store}></ms-inputs> ${this.runLine(run)} ${this.tensorLine()} ${this.body(run)}`;
  }

  private get address(): string {
    return this.store.shownTensor(this.row);
  }

  private runLine(run: RunState): TemplateResult {
    const { channel } = this.store;
    const label = run.state === 'none' ? t('Run') : t('Run again');
    const broken = (this.store.state?.error ?? null) !== null;
    const blocked = broken || (this.store.state?.input.error ?? null) !== null;
    return html`<div class="run-line">
      ${
        run.state === 'running'
          ? button({
              label: t('Cancel'),
              icon: 'debug-stop',
              onClick: () => void this.store.ask(channel.request('cancelRun', {})),
            })
          : button({
              label,
              icon: 'play',
              primary: run.state === 'none' || !run.live,
              disabled: blocked,
              onClick: () => void this.store.ask(channel.request('run', {})),
            })
      }
      ${broken ? html`<span class="quiet">${t('The weights are not all there, so the model cannot run.')}</span>` : this.runStatus(run)}
    </div>`;
  }

  private runStatus(run: RunState): TemplateResult | typeof nothing {
    switch (run.state) {
      case 'none':
        return nothing;
      case 'running':
        return html`<div class="run-progress">
          ${progressBar(t('Running'), run.done, run.total)}
          <span class="run-at" title=${run.at}>${run.total > 0 ? `${run.done} / ${run.total}` : ''} ${run.at}</span>
        </div>`;
      case 'failed':
        return html`<p class="failure" role="alert">
          ${icon('error')}<span>${run.message ?? t('The run failed.')}</span>
        </p>`;
      case 'cancelled':
        return html`<span class="quiet" role="status">${t('Cancelled.')}</span>`;
      case 'done':
        return html`<span class="quiet tabular" role="status"
            >${run.predictMs !== null ? formatMilliseconds(run.predictMs) : ''}${run.backend !== null ? ` · ${run.backend}` : ''}</span
          >
          ${this.top(run)}
          ${
            run.firstNonFinite !== null
              ? html`<span class="failure"
                  >${icon('error')}${t('First NaN or Inf:')}
                  ${linkButton(run.firstNonFinite, () => this.reveal(run.firstNonFinite ?? ''))}</span
                >`
              : nothing
          }`;
    }
  }

  /** The best class of each output, where it has classes. */
  private top(run: RunState): TemplateResult[] {
    return run.outputs.slice(0, 3).flatMap(({ address, top }) => {
      const best = top[0];
      if (!best) return [];
      return [
        html`<span class="prediction" title=${t('Highest value of {address}', { address })}>
          ${icon('arrow-small-right')}${linkButton(best.label ?? t('class {index}', { index: best.index }), () => this.reveal(address))}
          <span class="quiet tabular">(${formatValue(best.value, 3)})</span>
        </span>`,
      ];
    });
  }

  /** The row's outputs, and what a run computed inside of it: one is on show. */
  private tensorLine(): TemplateResult | typeof nothing {
    const tensors = this.store.tensorsOf(this.row);
    const { address } = this;
    if (!tensors.includes(address)) tensors.push(address);
    if (tensors.length < 2) return nothing;
    const label = (tensor: string): string =>
      isInner(tensor) ? `${tensor} (${roleText({ address: tensor, roles: ['inner'] })})` : tensor;
    return html`<div class="tensor-line">
      <span class="quiet">${t('Tensor')}</span>
      ${dropdown(
        t('Tensor of this layer'),
        address,
        tensors.map((tensor) => ({ value: tensor, label: label(tensor) })),
        (tensor) => this.store.showTensor(tensor),
      )}
    </div>`;
  }

  private body(run: RunState): TemplateResult | typeof nothing {
    const activation = this.store.activations.get(this.address);
    if (!activation) {
      if (run.state === 'running') return html`<p class="empty">${t('This layer has not run yet.')}</p>`;
      if (run.state === 'failed' || this.store.state?.error) return nothing;
      if (isInner(this.address)) return this.offerInner();
      return run.state === 'none' || run.state === 'cancelled'
        ? this.invitation()
        : html`<p class="empty">${t('The run has no tensor for this row.')}</p>`;
    }
    const { statistics, shape, dtype } = activation;
    if (!run.live) {
      return html`${this.statistics(statistics, shape, dtype)}
      ${
        run.state === 'running'
          ? html`<p class="empty">${t('The preview comes when the run is done.')}</p>`
          : html`<p class="empty">
              ${icon('history')}${t('The tensors of this run are gone. Run again to see the preview.')}
            </p>`
      }`;
    }
    const shown = this.ask(shape);
    const result = shown.state === 'done' ? shown.value : shown.state === 'loading' ? shown.previous : null;
    return html`${this.statistics(statistics, shape, dtype)} ${this.viewLine(shape, result?.preview.kind)}
    ${shown.state === 'failed' ? html`<p class="failure" role="alert">${icon('error')}<span>${shown.message}</span></p>` : nothing}
    ${
      result
        ? previewView(this.store, result, {
            example: this.example,
            offset: this.offset,
            limit: this.limit(shape),
            enlarged: this.enlarged,
            page: (offset) => (this.offset = offset),
            enlarge: (channel) => this.enlarge(channel),
          })
        : shown.state === 'loading'
          ? html`<div class="late">${busy(t('Drawing…'))}</div>`
          : nothing
    }
    ${
      result
        ? html`<section class="values-histogram" aria-label=${t('Histogram')}>
            ${histogram(result.histogram, t('How the values are spread'))}
          </section>`
        : nothing
    }`;
  }

  /** Focus goes to the large map, and back to the tile it came from. */
  private enlarge(channel: number | null): void {
    const from = this.enlarged;
    this.enlarged = channel;
    void this.updateComplete.then(async () => {
      if (channel === null) return this.querySelector<HTMLElement>(`.tile[data-channel="${from}"]`)?.focus();
      if (from !== null) return;
      const map = this.querySelector<LargeMap>('ms-large-map');
      await map?.updateComplete;
      map?.focusMap();
    });
  }

  private ask(shape: readonly number[]): ReturnType<typeof this.preview.use> {
    const { store } = this;
    const { address } = this;
    const options: PreviewOptions = {
      colorMap: store.state?.settings.colorMap ?? 'auto',
      scale: store.memory.scale,
      example: Math.min(this.example, (shape[0] ?? 1) - 1),
      offset: this.offset,
      limit: this.limit(shape),
    };
    const key = JSON.stringify([store.runCount, address, options]);
    return this.preview.use(
      key,
      address,
      (signal) => store.channel.request('preview', { address, options }, { signal }),
      40,
    );
  }

  private limit(shape: readonly number[]): number {
    return shape.length > 2 ? tileLimit : valueLimit;
  }

  private statistics(statistics: Statistics, shape: readonly number[], dtype: string): TemplateResult {
    const { nan, inf, deadChannels, constantChannels, channels, count } = statistics;
    const entry = (name: string, value: string, className = ''): TemplateResult =>
      html`<div class=${className}>
        <dt>${className === 'warn' ? icon('warning') : nothing}${name}</dt>
        <dd>${value}</dd>
      </div>`;
    return html`<dl class="statistics" aria-label=${t('Statistics')}>
      ${entry(t('min'), formatValue(statistics.min))} ${entry(t('max'), formatValue(statistics.max))}
      ${entry(t('mean'), formatValue(statistics.mean))} ${entry(t('std'), formatValue(statistics.std))}
      ${entry(t('zeros'), formatPercent(statistics.zeros, count))}
      ${deadChannels > 0 && shape.length > 2 ? entry(t('dead'), `${deadChannels} / ${channels}`, 'warn') : nothing}
      ${constantChannels > 0 && shape.length > 2 ? entry(t('constant'), `${constantChannels} / ${channels}`, 'warn') : nothing}
      ${nan > 0 ? entry('NaN', formatCount(nan), 'bad') : nothing}
      ${inf > 0 ? entry('Inf', formatCount(inf), 'bad') : nothing}
      ${entry(t('shape'), `${formatShape(shape)} ${dtype}`)}
    </dl>`;
  }

  private viewLine(shape: readonly number[], kind: Preview['kind'] | undefined): TemplateResult {
    const { store } = this;
    const batch = shape[0] ?? 1;
    const pictures = kind === 'channels' || kind === 'matrix' || kind === 'heatmap';
    return html`<div class="view-line">
      ${
        pictures
          ? html`${dropdown(
              t('Colour map'),
              store.state?.settings.colorMap ?? 'auto',
              colorMapOptions(),
              (value) => void store.ask(store.channel.request('setSetting', { key: 'colorMap', value })),
            )}
            ${
              kind === 'heatmap'
                ? nothing
                : dropdown(
                    t('Scale'),
                    store.memory.scale,
                    [
                      { value: 'channel', label: t('Each channel on its own scale') },
                      { value: 'tensor', label: t('All channels on one scale') },
                    ],
                    (value) => store.remember({ scale: value === 'tensor' ? 'tensor' : 'channel' }),
                  )
            }`
          : nothing
      }
      ${
        batch > 1
          ? html`<label class="field"
              ><span>${t('Example')}</span>${textField({
                label: t('Example of the batch, from 0 to {last}', { last: batch - 1 }),
                value: String(this.example),
                size: 4,
                onChange: (value) => (this.example = Math.max(0, Math.min(batch - 1, Math.trunc(Number(value)) || 0))),
              })}<span class="quiet">/ ${batch}</span></label
            >`
          : nothing
      }
    </div>`;
  }

  /** Tensors inside of layers are computed only when they are asked for. */
  private offerInner(): TemplateResult {
    const { address, store } = this;
    return html`<div class="empty">
      <span>${t('The last run did not compute {address}.', { address })}</span>
      ${button({ label: t('Run with it'), onClick: () => void store.ask(store.channel.request('runInner', { address })) })}
    </div>`;
  }

  private invitation(): TemplateResult {
    return html`<div class="invitation">
      ${icon('play-circle', 'invitation-icon')}
      <p>${t('Run the model to see what every layer computes.')}</p>
      <p class="quiet">
        ${t('Choose an input above, or drop or paste a picture. Then every row gets its statistics and a small picture.')}
      </p>
    </div>`;
  }

  private reveal(address: string): void {
    this.dispatchEvent(new CustomEvent('reveal-address', { bubbles: true, detail: address }));
  }
}
