/** What the proof of a slice found: in a word, and in full on demand. */
import { html, nothing, type TemplateResult } from 'lit';
import type { ProofFindings, VerifyResult } from '../../src/protocol/engine';
import type { SliceState } from '../../src/protocol/viewer';
import { shownAddress } from '../format/addresses';
import { formatValue } from '../format/numbers';
import { plural, t } from '../l10n';
import { icon, progressBar } from '../ui/controls';
import { popupButton } from '../ui/popup';

/** More outputs than this nobody reads; the worst come first. */
const shownOutputs = 100;

export function verdictView({ verification }: SliceState): TemplateResult | typeof nothing {
  switch (verification.state) {
    case 'none':
      return nothing;
    case 'running':
      return html`<span class="verdict">${progressBar(t('Verifying'), verification.done, verification.total)}</span>`;
    case 'failed':
      return html`<span class="verdict failed" role="status">${icon('error')}${t('Not verified')}</span>`;
    case 'done':
      return done(verification.result, verification.stale);
  }
}

function done(result: VerifyResult, stale: boolean): TemplateResult {
  const { text: difference } = worst(result.outputs);
  const parts = result.wholeFromParts;
  const words = [
    result.passed ? difference : t('differs by {worst}', { worst: difference }),
    ...(result.passed && parts !== null
      ? [t('whole from parts {worst}', { worst: differenceText(parts.maxAbsDiff) })]
      : []),
    ...(result.weak ? [t('weak')] : []),
    ...(stale ? [t('out of date')] : []),
  ];
  const said = [
    result.passed ? t('Verified: difference {worst}', { worst: difference }) : (words[0] ?? ''),
    ...words.slice(1),
  ].join(', ');
  return html`<span class="visually-hidden" role="status">${said}</span>${popupButton({
      id: 'proof',
      label: t('Proof'),
      button: {
        className: `chip verdict ${stale ? 'stale' : result.passed ? 'passed' : 'failed'}`,
        title: t('{verdict}. Click for details', { verdict: said }),
        content: html`${icon(stale ? 'history' : result.passed ? 'pass' : 'error')}<span class="visually-hidden"
            >${t('Proof')}: </span
          ><span>${words.join(' · ')}</span>`,
      },
      content: details(result, stale),
    })}`;
}

function details(result: VerifyResult, stale: boolean): TemplateResult {
  const { nonFinite, data } = result;
  const note = (kind: string, text: string): TemplateResult =>
    html`<p class="note ${kind}">${icon(kind)}<span>${text}</span></p>`;
  const outputs = [...result.outputs].sort((a, b) => size(b.maxAbsDiff) - size(a.maxAbsDiff));
  return html`<h2>${t('Slice against the original, on {backend}', { backend: result.backend })}</h2>
    ${stale ? note('history', t('The marks or the input changed since: verify again.')) : nothing}
    ${result.weak ? note('warning', t('Every output is constant for this input, so that agreement proves little. Try another input.')) : nothing}
    ${result.sourceMatches === false ? note('error', t('The saved slice says that it was cut from another model.')) : nothing}
    ${result.weightsMatch === false ? note('error', t('The weights of the saved slice are not the bytes that were written.')) : nothing}
    ${
      nonFinite.original + nonFinite.slice > 0
        ? note(
            'info',
            t('Values that are not finite: {original} in the original, {slice} in the slice.', { ...nonFinite }),
          )
        : nothing
    }
    <table class="proof">
      <thead>
        <tr>
          <th scope="col">${t('Output')}</th>
          <th scope="col" class="end">${t('Largest difference')}</th>
        </tr>
      </thead>
      <tbody>
        ${outputs.slice(0, shownOutputs).map((output) => proofRow(shownAddress(output.address), output.maxAbsDiff, output.equal))}
        ${
          result.wholeFromParts === null
            ? nothing
            : proofRow(
                t('Both parts, one after the other, against the whole'),
                result.wholeFromParts.maxAbsDiff,
                result.passed || result.wholeFromParts.maxAbsDiff === 0,
                false,
              )
        }
      </tbody>
    </table>
    ${outputs.length > shownOutputs ? html`<p class="quiet">${t('and {count} more', { count: outputs.length - shownOutputs })}</p>` : nothing}
    ${data.length > 0 ? dataTable(data) : nothing}`;
}

function proofRow(name: string, difference: number | string, equal: boolean, code = true): TemplateResult {
  return html`<tr>
    <th scope="row" class=${code ? 'code' : ''}>${name}</th>
    <td class="end code">
      ${differenceText(difference)} ${icon(equal ? 'pass' : 'error', equal ? 'good' : 'bad')}<span
        class="visually-hidden"
        >${equal ? t('equal') : t('not equal')}</span
      >
    </td>
  </tr>`;
}

function dataTable(data: VerifyResult['data']): TemplateResult {
  return html`<table class="proof">
    <thead>
      <tr>
        <th scope="col">${plural(data.length, '1 set of inputs', '{count} sets of inputs')}</th>
        <th scope="col" class="end">${t('Largest difference')}</th>
      </tr>
    </thead>
    <tbody>
      ${data.map((set) => {
        const equal = set.outputs.every((output) => output.equal);
        const label = labelText(set.label);
        return proofRow(
          set.weak ? t('{label} (constant outputs)', { label }) : label,
          worst(set.outputs).value,
          equal,
          false,
        );
      })}
    </tbody>
  </table>`;
}

/** What the engine calls its own inputs; files go by their names. */
function labelText(label: string): string {
  const seed = /^random:(\d+)$/.exec(label)?.[1];
  if (seed !== undefined) return t('random values, seed {seed}', { seed });
  if (label === 'zeros') return t('zeros');
  return label === 'ones' ? t('ones') : label;
}

function worst(outputs: ProofFindings['outputs']): { value: number | string; text: string } {
  let value: number | string = 0;
  for (const { maxAbsDiff } of outputs) if (size(maxAbsDiff) > size(value)) value = maxAbsDiff;
  return { value, text: differenceText(value) };
}

/** What numbers cannot say (`NaN`, `shape` …) is worse than any number. */
function size(difference: number | string): number {
  return typeof difference === 'string' ? Infinity : difference;
}

function differenceText(difference: number | string): string {
  return typeof difference === 'string' ? difference : formatValue(difference, 3);
}
