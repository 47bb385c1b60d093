/** What the marks come to: the slice that would be saved, its proof, and what to do with it. */
import { html, nothing, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import type { SlicePlan } from '../../src/core/slicing/slice';
import type { VerifyResult } from '../../src/protocol/engine';
import type { SliceState } from '../../src/protocol/viewer';
import { formatBytes, formatCompact, formatCount, formatValue } from '../format/numbers';
import { formatShape } from '../format/shapes';
import { plural, t } from '../l10n';
import { button, icon, iconButton, linkButton, progressBar } from '../ui/controls';
import { menuButton } from '../ui/menuButton';
import { StoreView } from './storeView';

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
            : html`<span class="slice-facts">${slice.marks.length === 0 ? t('No layer is marked.') : ''}</span>`
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
      ${this.findings(slice)}
    </footer>`;
  }

  private ask(request: 'undo' | 'redo' | 'clearMarks' | 'verify' | 'cancelVerify'): void {
    void this.store.ask(this.store.channel.request(request, {}));
  }

  private summary(plan: SlicePlan): TemplateResult {
    const names = (tensors: readonly { address: string }[]): TemplateResult[] =>
      tensors
        .slice(0, 4)
        .map(({ address }, index) => html`${index > 0 ? ', ' : ''}${linkButton(address, () => this.reveal(address))}`);
    const more = (count: number): string => (count > 4 ? ` +${count - 4}` : '');
    const facts = [
      plural(plan.layers.length, '1 layer', '{count} layers'),
      t('{count} params', { count: formatCount(plan.params.total) }),
      ...(plan.macs === null ? [] : [t('{count} MACs', { count: formatCompact(plan.macs) })]),
      formatBytes(plan.weightBytes),
    ];
    const out = plan.outputs.map((output) => formatShape(output.shape)).join(' ');
    return html`<span class="slice-cut">
        ${names(plan.inputs)}${more(plan.inputs.length)}${icon('arrow-right')}<span class="visually-hidden"
          >${t('to')}</span
        >${names(plan.outputs)}${more(plan.outputs.length)}
      </span>
      <span class="slice-facts" title=${[...facts, out].join(' · ')}>
        ${facts.map((fact) => html`<span>${fact}</span>`)}<span><span class="code">${out}</span></span>
      </span>`;
  }

  private actions(slice: SliceState): TemplateResult {
    const ready = slice.plan?.boundary.closed === true;
    const exportable = ready && slice.plan?.notExportable.length === 0;
    const { verification } = slice;
    return html`<span class="slice-actions">
      ${this.verdict(slice)}
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
      ${button({ label: t('Save…'), icon: 'save', primary: true, disabled: !exportable, onClick: () => void this.store.command('saveSlice') })}
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

  private verdict({ verification }: SliceState): TemplateResult | typeof nothing {
    switch (verification.state) {
      case 'none':
        return nothing;
      case 'running':
        return html`<span class="verdict">${progressBar(t('Verifying'), verification.done, verification.total)}</span>`;
      case 'failed':
        return html`<span class="verdict failed" role="status">${icon('error')}${t('Not verified')}</span>`;
      case 'done': {
        const { result, stale } = verification;
        const text = result.passed ? worst(result) : t('differs by {worst}', { worst: worst(result) });
        const label = result.passed ? t('Verified: difference {worst}', { worst: worst(result) }) : text;
        return html`<span
          class="verdict ${stale ? 'stale' : result.passed ? 'passed' : 'failed'}"
          role="status"
          title=${verdictTitle(result, stale)}
        >
          ${icon(stale ? 'history' : result.passed ? 'pass' : 'error')}<span aria-hidden="true">${text}</span
          ><span class="visually-hidden">${label}</span>${stale ? html` <span>${t('out of date')}</span>` : nothing}${
            result.weak ? html` <span>${t('weak')}</span>` : nothing
          }
        </span>`;
      }
    }
  }

  private findings(slice: SliceState): TemplateResult | typeof nothing {
    const { plan, planError, verification, marks } = slice;
    const lines: TemplateResult[] = [];
    const line = (kind: string, text: string, address: string | null = null): void => {
      lines.push(
        html`<li class="note ${kind}">
          ${icon(kind)}<span
            >${address !== null ? html`${linkButton(address, () => this.reveal(address))} ` : nothing}${text}</span
          >
        </li>`,
      );
    };
    if (planError !== null) line('error', planError);
    for (const mark of marks) if (mark.stale) line('warning', t('This mark no longer fits the file.'), mark.address);
    for (const missing of plan?.boundary.missing ?? []) {
      line(
        'error',
        t('This tensor {shape} is missing: {layers} needs it.', {
          shape: formatShape(missing.shape),
          layers: missing.neededBy.join(', '),
        }),
        missing.address,
      );
    }
    for (const { address, reason } of plan?.notExportable ?? [])
      line('warning', t('Cannot be saved: {reason}', { reason }), address);
    for (const note of plan?.notes ?? []) line('info', note.message, note.address);
    if (verification.state === 'failed') line('error', verification.message);
    if (verification.state === 'done' && verification.result.weak) {
      line(
        'warning',
        t('Every output is constant for this input, so that agreement proves little. Try another input.'),
      );
    }
    return lines.length > 0
      ? html`<ul class="slice-findings">
          ${lines}
        </ul>`
      : nothing;
  }

  private reveal(address: string): void {
    this.dispatchEvent(new CustomEvent('reveal-address', { bubbles: true, detail: address }));
  }
}

function worst(result: VerifyResult): string {
  let largest = 0;
  for (const { maxAbsDiff } of result.outputs) {
    if (typeof maxAbsDiff === 'string') return maxAbsDiff;
    largest = Math.max(largest, maxAbsDiff);
  }
  return formatValue(largest, 3);
}

function verdictTitle(result: VerifyResult, stale: boolean): string {
  const lines = result.outputs.map((output) => `${output.address}: ${output.maxAbsDiff}`);
  lines.unshift(t('Largest difference between slice and original on {backend}', { backend: result.backend }));
  if (stale) lines.push(t('The marks changed since: verify again.'));
  return lines.join('\n');
}
