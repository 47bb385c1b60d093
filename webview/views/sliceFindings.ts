/** What the slice still needs, with a button for each way to give it, and what else is to be known of it. */
import { html, nothing, type TemplateResult } from 'lit';
import type { MissingTensor, SlicePlan } from '../../src/core/slicing/slice';
import type { SliceState } from '../../src/protocol/viewer';
import { shortAddress } from '../format/addresses';
import { formatShape } from '../format/shapes';
import { fill, plural, t } from '../l10n';
import type { ViewerStore } from '../state/viewerStore';
import { icon, linkButton } from '../ui/controls';

/** Missing tensors that get a line, and layers that are named on it. */
const shownMissing = 50;
const shownReaders = 3;
/** More lines of one kind are folded. */
const unfolded = { warning: 2, info: 1 };

const FORMATS: Readonly<Record<SlicePlan['format'], string>> = {
  'keras-v3': '.keras',
  'keras-h5': '.h5',
  'layers-model': 'TF.js layers-model',
  'graph-model': 'TF.js graph-model',
};

interface Finding {
  text: string;
  address: string | null;
}

export function sliceFindings(
  store: ViewerStore,
  slice: SliceState,
  reveal: (address: string) => void,
): TemplateResult | typeof nothing {
  const { plan, planError, verification, marks } = slice;
  const missing = plan?.boundary.missing ?? [];
  const reasons = (plan?.notExportable ?? []).map(({ address, reason }) => ({
    text: t('Cannot be saved as {format}: {reason}', { format: plan ? FORMATS[plan.format] : '', reason }),
    address,
  }));
  const notes = (plan?.notes ?? []).map(({ address, message }) => ({ text: message, address }));
  const stale = marks.filter((mark) => mark.stale);
  const failed = verification.state === 'failed' ? verification.message : null;
  const weak = verification.state === 'done' && verification.result.weak && !verification.stale;
  if (
    missing.length + reasons.length + notes.length + stale.length === 0 &&
    planError === null &&
    failed === null &&
    !weak
  )
    return nothing;
  const line = (kind: string, { text, address }: Finding): TemplateResult =>
    html`<li class="note ${kind}">
      ${icon(kind)}<span
        >${address !== null ? html`${linkButton(shortAddress(address), () => reveal(address))} ` : nothing}${text}</span
      >
    </li>`;
  const folded = (kind: 'warning' | 'info', findings: Finding[], summary: string): TemplateResult | TemplateResult[] =>
    findings.length <= unfolded[kind]
      ? findings.map((finding) => line(kind, finding))
      : html`<li>
          <details class="folded">
            <summary class="note ${kind}">
              ${icon(kind)}<span>${summary}</span>${icon('chevron-right', 'summary-twistie')}
            </summary>
            <ul>
              ${findings.map((finding) => line(kind, finding))}
            </ul>
          </details>
        </li>`;
  // What scrolls must be reachable by keyboard also where nothing in it is.
  return html`<ul class="slice-findings" aria-label=${t('About the slice')} tabindex="0">
    ${planError !== null ? line('error', { text: planError, address: null }) : nothing}
    ${stale.map(({ address }) => line('warning', { text: t('This mark no longer fits the file.'), address }))}
    ${plan && missing.length > 0 ? missingLines(store, plan, missing, reveal) : nothing}
    ${folded('warning', reasons, plural(reasons.length, 'Cannot be saved: 1 reason', 'Cannot be saved: {count} reasons'))}
    ${failed !== null ? line('error', { text: failed, address: null }) : nothing}
    ${
      weak
        ? line('warning', {
            text: t('Every output is constant for this input, so that agreement proves little. Try another input.'),
            address: null,
          })
        : nothing
    }
    ${folded('info', notes, plural(notes.length, '1 note', '{count} notes'))}
  </ul>`;
}

function missingLines(
  store: ViewerStore,
  plan: SlicePlan,
  missing: readonly MissingTensor[],
  reveal: (address: string) => void,
): TemplateResult {
  const moves = startsElsewhere(plan);
  return html`${missing.slice(0, shownMissing).map(
    (tensor) =>
      html`<li class="note error">
        ${icon('error')}<span
          >${fill(t('{tensor} is missing: {layers} needs it.'), {
            tensor: html`${linkButton(shortAddress(tensor.address), () => reveal(tensor.address))}
              <span class="code quiet">${formatShape(tensor.shape)}</span>`,
            layers: readers(tensor, reveal),
          })}
          <button type="button" class="small-button" @click=${() => void store.toggleMarks('input', [tensor.address])}>
            ${t('Add as input')}<span class="visually-hidden"> ${tensor.address}</span>
          </button></span
        >
      </li>`,
  )}
  ${missing.length > shownMissing ? html`<li class="quiet">${t('and {count} more', { count: missing.length - shownMissing })}</li>` : nothing}
  ${
    missing.length > 1 || moves.length > 0
      ? html`<li class="note ways">
          <span>
            ${
              missing.length > 1
                ? html`<button
                    type="button"
                    class="small-button"
                    @click=${() => void store.command('addMissingInputs')}
                  >
                    ${t('Add all {count} missing', { count: missing.length })}
                  </button>`
                : nothing
            }
            ${moves.map(
              ({ inputs, why }) =>
                html`<button
                  type="button"
                  class="small-button"
                  title=${why}
                  @click=${() => void store.ask(store.channel.request('setInputs', { addresses: inputs }))}
                >
                  ${t('Move the start to {tensors}', { tensors: inputs.map((address) => withShape(store, address)).join(', ') })}
                </button>`,
            )}
          </span>
        </li>`
      : nothing
  }`;
}

/** Ways to close the cut with other inputs than those that it has. To add what is missing has a button of its own. */
function startsElsewhere({ cut, boundary }: SlicePlan): { inputs: string[]; why: string }[] {
  const added = new Set([...cut.inputs, ...boundary.missing.map(({ address }) => address)]);
  return boundary.suggestions
    .filter(({ inputs }) => inputs.length !== added.size || inputs.some((address) => !added.has(address)))
    .slice(0, 4);
}

function withShape(store: ViewerStore, address: string): string {
  const shape = store.shapeOf(address);
  const name = shortAddress(address);
  return shape === undefined || shape === null ? name : `${name} ${formatShape(shape)}`;
}

function readers({ neededBy }: MissingTensor, reveal: (address: string) => void): TemplateResult {
  const rest = neededBy.length - shownReaders;
  return html`${neededBy
    .slice(0, shownReaders)
    .map(
      (address, index) => html`${index > 0 ? ', ' : ''}${linkButton(shortAddress(address), () => reveal(address))}`,
    )}${rest > 0 ? html`<span title=${neededBy.slice(shownReaders, 40).join(', ')}> +${rest}</span>` : nothing}`;
}
