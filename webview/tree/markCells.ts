/** The gutter: what of a row the slice hands out, and where it starts. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Mark } from '../../src/protocol/viewer';
import { t } from '../l10n';
import { canMark } from '../state/viewerStore';
import { isInner, type RowMarks } from '../state/sliceMarks';
import { icon } from '../ui/controls';
import type { TreeRow } from './rows';

/** The same icons wherever a mark can be set. */
export const markIcons: Record<Mark['kind'], { set: string; unset: string }> = {
  output: { set: 'circle-large-filled', unset: 'circle-large-outline' },
  start: { set: 'play', unset: 'play' },
  input: { set: 'arrow-right', unset: 'arrow-right' },
};

export function outputCell(row: TreeRow, state: RowMarks | undefined): TemplateResult {
  const marks = state?.marks.output ?? [];
  const inside = marks.length > 0 && marks.every(({ address }) => isInner(address));
  return cell('mark-cell', hintOf(row, marks, 'output'), [
    marks.length > 0
      ? markIcon('output', inside ? 'record' : markIcons.output.set, marks, outputLabel(row, marks))
      : (state?.handsOut.length ?? 0) > 0
        ? derived(markIcons.output.unset, t('Output of the slice'))
        : canMark(row, 'output')
          ? icon(markIcons.output.unset, 'mark-hint')
          : nothing,
  ]);
}

/** `start` and `input` share a cell: both say where the slice begins, and seldom stand at one row. */
export function startCell(row: TreeRow, state: RowMarks | undefined): TemplateResult {
  const starts = state?.marks.start ?? [];
  const inputs = state?.marks.input ?? [];
  const icons: (TemplateResult | typeof nothing)[] = [];
  if (starts.length > 0) {
    const label = t('Starts here: what this layer reads becomes an input');
    icons.push(markIcon('start', markIcons.start.set, starts, label));
  }
  if (inputs.length > 0) icons.push(markIcon('input', markIcons.input.set, inputs, inputLabel(row, inputs)));
  else if ((state?.takesIn.length ?? 0) > 0) icons.push(derived(markIcons.input.set, t('Input of the slice')));
  if (icons.length === 0 && canMark(row, 'start')) icons.push(icon(markIcons.start.unset, 'mark-hint'));
  return cell(
    `start-cell ${icons.length > 1 ? 'both' : ''}`,
    inputs.length > 0 && starts.length === 0
      ? t('Supplied from outside. Click: take this away')
      : hintOf(row, starts, 'start'),
    icons,
  );
}

function cell(className: string, hint: string, content: (TemplateResult | typeof nothing)[]): TemplateResult {
  return html`<div class="cell gutter-cell ${className}" role="gridcell" title=${hint === '' ? nothing : hint}>
    ${content}
  </div>`;
}

function hintOf(row: TreeRow, marks: readonly Mark[], kind: 'output' | 'start'): string {
  if (marks.some(({ stale }) => stale)) return t('This mark no longer fits the file.');
  if (!canMark(row, kind) && marks.length === 0) return '';
  return kind === 'output' ? t('Output of the slice (Space)') : t('Start here (Shift+Space)');
}

function markIcon(kind: Mark['kind'], name: string, marks: readonly Mark[], label: string): TemplateResult {
  const stale = marks.every((mark) => mark.stale);
  return html`<span
    class="codicon codicon-${stale ? 'circle-slash' : name} mark ${stale ? 'stale' : ''}"
    role="img"
    data-mark=${kind}
    aria-label=${stale ? t('{mark}: no longer fits the file', { mark: label }) : label}
  ></span>`;
}

/** In the slice although no mark says so. */
function derived(name: string, label: string): TemplateResult {
  return html`<span class="codicon codicon-${name} mark derived" role="img" aria-label=${label}></span>`;
}

function outputLabel(row: TreeRow, marks: readonly Mark[]): string {
  return namesOwn(row, marks) ? t('Marked as output') : t('Marked as output: {tensors}', { tensors: list(marks) });
}

function inputLabel(row: TreeRow, marks: readonly Mark[]): string {
  return namesOwn(row, marks)
    ? t('Supplied from outside')
    : t('Supplied from outside: {tensors}', { tensors: list(marks) });
}

const namesOwn = (row: TreeRow, marks: readonly Mark[]): boolean => marks.length === 1 && marks[0]?.address === row.id;

const list = (marks: readonly Mark[]): string => marks.map(({ address }) => address).join(', ');
