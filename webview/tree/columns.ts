/** The tree's columns: which there are, which fit, how wide they are. */
import type { ViewerModel } from '../../src/protocol/viewer';
import { formatCompact, formatCount } from '../format/numbers';
import { formatShape } from '../format/shapes';
import { t } from '../l10n';

export type ColumnId = 'class' | 'shape' | 'params' | 'macs' | 'activation' | 'range' | 'time';

export interface Column {
  id: ColumnId;
  label: string;
  /** In px. */
  width: number;
  alignEnd: boolean;
}

/** In the order of the screen. */
export const columnIds: readonly ColumnId[] = ['class', 'shape', 'params', 'macs', 'activation', 'range', 'time'];

/** When not all fit, these go first. */
const goesFirst: readonly ColumnId[] = ['time', 'macs', 'range', 'params', 'class', 'activation', 'shape'];

/** Each of the two mark gutters, and the room that names get before columns do, px. Names take what is left and end in an ellipsis. */
const gutterWidth = 20;
const nameWidth = { least: 120, most: 190 };
/** Twistie and padding. */
const besideName = 40;

export function columnLabel(id: ColumnId): string {
  switch (id) {
    case 'class':
      return t('Class');
    case 'shape':
      return t('Output');
    case 'params':
      return t('Parameters');
    case 'macs':
      return t('MACs');
    case 'activation':
      return t('Activation');
    case 'range':
      return t('Range');
    case 'time':
      return t('Time');
  }
}

export type Widths = Record<ColumnId | 'name', number>;

/** Measures text on screen, in px. */
export type MeasureText = (text: string, font: 'ui' | 'code') => number;

/** The widest that a column gets for its content, px. */
const widest = 190;

/** Widths in px that fit the model's longest texts, within reason. */
export function columnWidths(model: ViewerModel, measure: MeasureText): Widths {
  let name = '';
  const classes = new Set<string>();
  let shape = '(·, 100)';
  let params = '100,000';
  let macs = '100 M';
  const longer = (a: string, b: string): string => (b.length > a.length ? b : a);
  for (const layer of model.layers) {
    name = longer(name, layer.name);
    if (classes.size < 200) classes.add(layer.class);
    params = longer(params, formatCount(layer.params.total));
    for (const call of layer.calls) {
      const [first, ...more] = call.outputs;
      shape = longer(shape, formatShape(first?.shape ?? null) + (more.length > 0 ? ` +${more.length}` : ''));
      if (call.macs !== null) macs = longer(macs, formatCompact(call.macs));
    }
  }
  const room = (text: string, id: ColumnId, font: 'ui' | 'code'): number =>
    Math.ceil(Math.min(widest, Math.max(measure(text, font), measure(columnLabel(id), 'ui')))) + 18;
  const wanted = Math.ceil(measure(name.slice(0, 100), 'ui')) + besideName;
  return {
    name: Math.min(nameWidth.most, Math.max(nameWidth.least, wanted)),
    class: Math.max(...Array.from(classes, (text) => room(text, 'class', 'ui')), 80),
    shape: room(shape, 'shape', 'code'),
    params: room(params, 'params', 'code'),
    macs: room(macs, 'macs', 'code'),
    activation: room('', 'activation', 'ui'),
    range: room('−1.23e-5 … 1.23', 'range', 'code'),
    time: room('12.3 ms', 'time', 'code'),
  };
}

/** The columns that are wanted and fit into `available` px. Columns that only a run fills come with a run. */
export function visibleColumns(
  widths: Widths,
  hidden: readonly string[],
  available: number,
  hasRun: boolean,
): Column[] {
  const afterRun: readonly ColumnId[] = ['activation', 'range', 'time'];
  let ids = columnIds.filter((id) => !hidden.includes(id) && (hasRun || !afterRun.includes(id)));
  let total = 2 * gutterWidth + widths.name + ids.reduce((sum, id) => sum + widths[id], 0);
  for (const id of goesFirst) {
    if (total <= available) break;
    if (!ids.includes(id)) continue;
    ids = ids.filter((other) => other !== id);
    total -= widths[id];
  }
  return ids.map((id) => ({
    id,
    label: columnLabel(id),
    width: widths[id],
    alignEnd: id === 'params' || id === 'macs' || id === 'time' || id === 'range',
  }));
}

/** For `grid-template-columns`: gutters, name, then the columns. */
export function gridTemplate(columns: readonly Column[]): string {
  return [`${gutterWidth}px ${gutterWidth}px`, 'minmax(0, 1fr)', ...columns.map((column) => `${column.width}px`)].join(
    ' ',
  );
}
