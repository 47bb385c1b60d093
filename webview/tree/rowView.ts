/** One row of the tree as a template. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Activation } from '../../src/protocol/engine';
import { picture } from '../drawing/picture';
import { axesOf, describeShape } from '../format/axes';
import { formatCompact, formatCount, formatMilliseconds, formatPercent, formatValue } from '../format/numbers';
import { formatShape } from '../format/shapes';
import { plural, t } from '../l10n';
import type { RowMarks } from '../state/sliceMarks';
import { icon } from '../ui/controls';
import type { Column } from './columns';
import { outputCell, startCell } from './markCells';
import type { TreeRow } from './rows';

export interface RowState {
  index: number;
  /** In px from the top of all rows. */
  top: number;
  columns: readonly Column[];
  selected: boolean;
  active: boolean;
  expanded: boolean;
  marks: RowMarks | undefined;
  /** null: there is no slice. */
  inSlice: boolean | null;
  hit: boolean;
  activation: Activation | undefined;
  problem: 'error' | 'warning' | null;
  context: string;
  /** In a graph-model nothing is a layer, so nothing needs to be told apart. */
  plainOperations: boolean;
}

/** Deeper levels are not indented further: a file may nest without end. */
const deepestIndent = 24;

export function rowView(row: TreeRow, state: RowState): TemplateResult {
  const classes = [
    'tree-row',
    state.selected ? 'selected' : '',
    state.active ? 'active' : '',
    state.inSlice === true ? 'in-slice' : '',
    state.inSlice === false ? 'outside-slice' : '',
    state.hit ? 'hit' : '',
    state.marks && Object.values(state.marks.marks).some(({ length }) => length > 0) ? 'marked' : '',
    (state.marks?.missing.length ?? 0) > 0 ? 'missing' : '',
  ];
  return html`<div
    class=${classes.filter(Boolean).join(' ')}
    role="row"
    id="tree-row-${state.index}"
    data-index=${state.index}
    aria-rowindex=${state.index + 2}
    aria-level=${row.level}
    aria-posinset=${row.position}
    aria-setsize=${row.siblings}
    aria-selected=${state.selected ? 'true' : 'false'}
    aria-expanded=${row.expandable ? String(state.expanded) : nothing}
    data-vscode-context=${state.context}
    .style=${`transform:translateY(${state.top}px)`}
  >
    ${outputCell(row, state.marks)} ${startCell(row, state.marks)}
    <div class="cell name-cell" role="gridcell" title=${nameTitle(row, state)}>
      <span class="name-line">
        <span class="indent" .style=${`width:${(Math.min(row.level, deepestIndent) - 1) * 8}px`}></span>
        <span
          class="twistie ${row.expandable ? `codicon codicon-chevron-${state.expanded ? 'down' : 'right'}` : ''}"
          aria-hidden="true"
        ></span>
        <span class="name ${state.plainOperations || row.layer.isLayer ? '' : 'operation'}">${row.label}</span>
        ${badges(row, state)}
      </span>
      ${deadBadge(state)}
    </div>
    ${state.columns.map(
      (column) =>
        html`<div
          class="cell ${column.id}-cell ${column.alignEnd ? 'end' : ''}"
          role="gridcell"
          title=${cellTitle(row, state, column)}
        >
          ${cellContent(row, state, column)}
        </div>`,
    )}
  </div>`;
}

function badges(row: TreeRow, { activation, problem, marks }: RowState): TemplateResult {
  const bad = activation ? activation.statistics.nan + activation.statistics.inf : 0;
  const shared = row.layer.sharedWith ?? [];
  const lacks = marks?.missing.flatMap(({ neededBy }) => neededBy) ?? [];
  return html`${lacks.length > 0 ? badge('lacks', html`${icon('warning')}${t('missing')}`, t('Missing in the slice: {layers} needs it', { layers: few(lacks) })) : nothing}
  ${problem ? badge(problem, icon(problem), t('See the problems of the file')) : nothing}
  ${bad > 0 ? badge('bad', activation?.statistics.nan ? 'NaN' : 'Inf', plural(bad, '1 value is not finite', '{count} values are not finite')) : nothing}
  ${shared.length > 0 ? badge('shared', icon('link'), t('Shares weights with {names}', { names: shared.join(', ') })) : nothing}`;
}

/** Behind all else in its cell: it goes where there is no room for it beside the name. */
function deadBadge({ activation }: RowState): TemplateResult | typeof nothing {
  // Of a vector, each unit would count as a channel: its zeros say the same.
  const dead = activation && activation.shape.length > 2 ? activation.statistics.deadChannels : 0;
  if (dead === 0) return nothing;
  const label = plural(dead, '1 channel is all zero for this input', '{count} channels are all zero for this input');
  return badge('dead', t('dead {count}', { count: dead }), label);
}

function few(names: readonly string[]): string {
  return names.slice(0, 3).join(', ') + (names.length > 3 ? ' …' : '');
}

function badge(kind: string, content: string | TemplateResult, label: string): TemplateResult {
  return html`<span class="badge ${kind}" role="img" aria-label=${label} title=${label}>${content}</span>`;
}

function cellContent(row: TreeRow, { activation }: RowState, column: Column): TemplateResult | string | typeof nothing {
  const { layer, call } = row;
  switch (column.id) {
    case 'class':
      return layer.class;
    case 'shape': {
      const outputs = call?.outputs ?? [];
      const first = outputs[0];
      if (!first) return '';
      const more = outputs.length > 1 ? html` <span class="more">+${outputs.length - 1}</span>` : nothing;
      return html`${formatShape(first.shape)}${more}`;
    }
    case 'params':
      if (row.callIndex > 0) return html`<span class="quiet">${t('shared')}</span>`;
      return layer.params.total === 0 ? html`<span class="quiet">0</span>` : formatCount(layer.params.total);
    case 'macs': {
      const macs = call?.macs ?? null;
      return macs === null ? '' : macs === 0 ? html`<span class="quiet">0</span>` : formatCompact(macs);
    }
    case 'activation':
      return activation?.thumbnail
        ? html`<canvas class="thumbnail" aria-hidden="true" ${picture(activation.thumbnail)}></canvas>`
        : nothing;
    case 'range':
      return activation
        ? `${formatValue(activation.statistics.min, 3)} … ${formatValue(activation.statistics.max, 3)}`
        : '';
    case 'time':
      return activation ? formatMilliseconds(activation.ms) : '';
  }
}

function cellTitle(row: TreeRow, { activation }: RowState, column: Column): string {
  const { layer, call } = row;
  switch (column.id) {
    case 'class':
      return layer.class;
    case 'shape':
      return (call?.outputs ?? [])
        .map((output) => describeShape(output.shape, output.dtype, axesOf(layer, output.shape?.length ?? 0)))
        .join('\n');
    case 'params':
      if (row.callIndex > 0) return t('The same weights as in the first call');
      return t('{trainable} trainable, {fixed} not trainable', {
        trainable: formatCount(layer.params.trainable),
        fixed: formatCount(layer.params.nonTrainable),
      });
    case 'macs': {
      const macs = call?.macs ?? null;
      return macs === null
        ? t('Unknown')
        : t('{count} multiply-accumulates for one example', { count: formatCount(macs) });
    }
    case 'activation':
    case 'range':
      return activation ? statisticsTitle(activation) : '';
    case 'time':
      return activation ? t('Ran on {backend}', { backend: activation.backend }) : '';
  }
}

function statisticsTitle({ statistics }: Activation): string {
  return [
    `${t('min')} ${formatValue(statistics.min)}`,
    `${t('max')} ${formatValue(statistics.max)}`,
    `${t('mean')} ${formatValue(statistics.mean)}`,
    `${t('std')} ${formatValue(statistics.std)}`,
    `${t('zeros')} ${formatPercent(statistics.zeros, statistics.count)}`,
  ].join('   ');
}

function nameTitle(row: TreeRow, { plainOperations }: RowState): string {
  const lines = [row.id];
  if (!row.layer.isLayer && !plainOperations) lines.push(t('An operation, not a layer'));
  return lines.join('\n');
}
