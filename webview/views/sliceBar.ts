/** What the marks come to: the slice that would be saved, its proof, and what to do with it. */
import { html, nothing, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import type { SlicePlan } from '../../src/core/slicing/slice';
import type { SliceState } from '../../src/protocol/viewer';
import { shortAddress, shownAddress } from '../format/addresses';
import { formatBytes, formatCompact, formatCount } from '../format/numbers';
import { formatShape } from '../format/shapes';
import { plural, t } from '../l10n';
import { button, icon, iconButton, linkButton } from '../ui/controls';
import { menuButton } from '../ui/menuButton';
import { sliceFindings } from './sliceFindings';
import { StoreView } from './storeView';
import { verdictView } from './verdictView';

/** Inputs, and outputs, that are named on the bar. */
const shownTensors = 3;

@customElement('ms-slice-bar')
export class SliceBar extends StoreView {
  protected override render(): TemplateResult | typeof nothing {
    const slice = this.store.state?.slice;
    if (!slice || !this.store.state?.model) return nothing;
    if (slice.marks.length === 0 && !slice.canUndo && !slice.canRedo) return nothing;
    return html`<footer class="slice-bar" aria-label=${t('Slice')}>
      <div class="slice-line">
        <span class="slice-title">${icon('symbol-misc')}${t('Slice')}</span>
        ${
          slice.plan
            ? this.summary(slice.plan)
            : html`<span class="slice-what quiet">${slice.marks.length === 0 ? t('No layer is marked.') : ''}</span>`
        }
        ${slice.plan ? this.actions(slice) : nothing}
        <span class="slice-history">
          ${iconButton({ label: t('Undo mark'), keys: 'Ctrl+Z', icon: 'discard', disabled: !slice.canUndo, onClick: () => this.ask('undo') })}
          ${iconButton({ label: t('Redo mark'), keys: 'Ctrl+Y', icon: 'redo', disabled: !slice.canRedo, onClick: () => this.ask('redo') })}
          ${
            slice.marks.length > 0
              ? iconButton({ label: t('Clear marks'), icon: 'clear-all', onClick: () => this.ask('clearMarks') })
              : nothing
          }
        </span>
      </div>
      ${sliceFindings(this.store, slice, (address) => this.reveal(address))}
    </footer>`;
  }

  private ask(request: 'undo' | 'redo' | 'clearMarks' | 'verify' | 'cancelVerify'): void {
    void this.store.ask(this.store.channel.request(request, {}));
  }

  private summary(plan: SlicePlan): TemplateResult {
    const facts = [
      plural(plan.layers.length, '1 layer', '{count} layers'),
      t('{count} params', { count: formatCount(plan.params.total) }),
      plan.macs === null ? t('MACs unknown') : t('{count} MACs', { count: formatCompact(plan.macs) }),
      formatBytes(plan.weightBytes),
    ];
    return html`<div class="slice-what">
      <span class="slice-cut">
        ${this.tensors(plan.inputs)}${icon('arrow-right')}<span class="visually-hidden">${t('to')}</span
        >${this.tensors(plan.outputs)}
      </span>
      <span class="slice-facts" title=${facts.join(' · ')}>${facts.map((fact) => html`<span>${fact}</span>`)}</span>
    </div>`;
  }

  private tensors(tensors: SlicePlan['inputs']): TemplateResult {
    const all = tensors.map(({ address, shape }) => `${shownAddress(address)} ${formatShape(shape)}`);
    return html`<span class="slice-tensors" title=${all.slice(0, 40).join('\n')}
      >${tensors
        .slice(0, shownTensors)
        .map(
          ({ address, shape }) =>
            html`<span
              >${linkButton(shortAddress(address), () => this.reveal(address))}
              <span class="quiet">${shape === null ? '' : formatShape(shape)}</span></span
            >`,
        )}${tensors.length > shownTensors ? html`<span>+${tensors.length - shownTensors}</span>` : nothing}</span
    >`;
  }

  private actions(slice: SliceState): TemplateResult {
    const ready = slice.plan?.boundary.closed === true;
    const format = slice.plan?.format;
    // a model of layers has more than one format, and the command says what each lacks
    const exportable = ready && (format !== 'graph-model' || slice.plan?.notExportable.length === 0);
    const { verification } = slice;
    const inside = this.inside(slice.plan);
    return html`<span class="slice-actions">
      ${verdictView(slice)}
      ${
        verification.state === 'running'
          ? button({ label: t('Cancel'), onClick: () => this.ask('cancelVerify') })
          : button({
              label: t('Verify'),
              icon: 'beaker',
              disabled: !ready,
              title: t('Run the slice against the original and compare'),
              onClick: () => this.ask('verify'),
            })
      }
      ${button({
        label: t('Save…'),
        icon: 'save',
        primary: true,
        disabled: !exportable,
        title:
          format === 'graph-model' ? t('Save as a TF.js graph model') : t('Save as a Keras or a TF.js layers model'),
        onClick: () => void this.store.command('saveSlice'),
      })}
      ${button({
        label: t('Split…'),
        disabled: !ready || inside.length === 0,
        title: t('Save both parts: the model up to the marked outputs, and from there on'),
        onClick: () => void this.store.command('splitAtLayer', inside),
      })}
      ${menuButton(t('Code…'), [
        {
          label: t('Extraction'),
          detail: t('Take these outputs from the loaded model'),
          run: () => void this.store.command('insertExtractionCode'),
        },
        {
          label: t('Model as layer'),
          detail: t('Use the slice as one layer of a new model'),
          run: () => void this.store.command('insertModelAsLayerCode'),
        },
      ])}
    </span>`;
  }

  /** Outputs of the slice that the model itself does not hand out: behind them there is another part. */
  private inside(plan: SlicePlan | null): string[] {
    const own = new Set(this.store.state?.model?.outputs.map(({ address }) => address));
    return (plan?.outputs ?? []).map(({ address }) => address).filter((address) => !own.has(address));
  }

  private reveal(address: string): void {
    this.dispatchEvent(new CustomEvent('reveal-address', { bubbles: true, detail: address }));
  }
}
