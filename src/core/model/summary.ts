/** The model as a table: line by line what Keras's `summary(expand_nested=True)` says, and as Markdown and CSV. */
import type { InspectDocument, InspectLayer } from './inspectDocument';
import type { Shape } from './layerGraph';

/**
 * Text table: name (class), output shape, parameters; the totals below. Layers of nested models stand below theirs,
 * indented. As in Keras, the InputLayer of a Sequential has no line.
 */
export function summaryTable(doc: InspectDocument): string {
  const rows = summaryRows(doc).map((row) => [`${row.indent}${row.name} (${row.class})`, row.shape, row.params]);
  const titles = ['Layer (type)', 'Output Shape', 'Param #'];
  const widths = titles.map((title, i) => Math.max(title.length, ...rows.map((row) => width(row[i] ?? ''))));
  const line = (cells: string[]): string =>
    cells
      .map((cell, i) => pad(cell, widths[i] ?? 0, i === 2))
      .join('  ')
      .trimEnd();
  const rule = (mark: string): string => mark.repeat(widths.reduce((sum, size) => sum + size, 0) + 4);
  return [
    `Model: "${doc.name}"`,
    rule('_'),
    line(titles),
    rule('='),
    ...rows.map(line),
    rule('='),
    ...totals(doc),
    '',
  ].join('\n');
}

function totals({ totals: sum }: InspectDocument): string[] {
  return [
    `Total params: ${grouped(sum.params)}`,
    `Trainable params: ${grouped(sum.trainable)}`,
    `Non-trainable params: ${grouped(sum.nonTrainable)}`,
  ];
}

interface SummaryRow {
  indent: string;
  name: string;
  class: string;
  shape: string;
  params: string;
}

function summaryRows(doc: InspectDocument): SummaryRow[] {
  const kinds = new Map<string | null, InspectLayer | null>([[null, null]]);
  for (const layer of doc.layers) kinds.set(layer.address, layer);
  const inSequential = (layer: InspectLayer): boolean =>
    layer.parent === null ? doc.kind === 'sequential' : kinds.get(layer.parent)?.class === 'Sequential';
  return (
    doc.layers
      .filter((layer) => !(layer.class === 'InputLayer' && inSequential(layer)))
      // Keras lists operations of the outermost model only
      .filter((layer) => layer.isLayer || layer.depth === 0 || doc.kind === 'graph')
      .map((layer) => ({
        indent: layer.depth > 0 ? `${'   '.repeat(layer.depth)}└ ` : '',
        name: layer.name,
        class: layer.class,
        shape: outputShape(layer),
        params: grouped(layer.params.total),
      }))
  );
}

/** `(None, 10)`; several outputs as a list; `?` for a layer that is never called. Of a reused layer Keras shows the last call. */
function outputShape(layer: InspectLayer): string {
  const outputs = layer.calls.at(-1)?.outputs ?? [];
  if (outputs.length === 0) return '?';
  const shapes = outputs.map(({ shape }) => kerasShape(shape));
  return shapes.length === 1 ? (shapes[0] ?? '?') : `[${shapes.join(', ')}]`;
}

function kerasShape(shape: Shape | null): string {
  if (shape === null) return '?';
  return `(${shape.map((dim) => dim ?? 'None').join(', ')})`;
}

function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** Wide characters count two, as terminals draw them. */
function width(text: string): number {
  let sum = 0;
  for (const c of text)
    sum +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60]|\p{Extended_Pictographic}/u.test(
        c,
      )
        ? 2
        : 1;
  return sum;
}

function pad(text: string, size: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, size - width(text)));
  return right ? space + text : text + space;
}

/** A Markdown document: what the model is, its layers, its totals. */
export function summaryMarkdown(doc: InspectDocument): string {
  const cell = (text: string): string => text.replace(/[\\|`<>*_[\]]/g, (c) => `\\${c}`).replace(/\s/g, ' ');
  const lines = doc.layers.map((layer) => {
    const shapes = layer.calls.length > 0 ? outputShape(layer) : '';
    const macs = layer.calls.reduce<number | null>(
      (sum, call) => (sum === null || call.macs === null ? null : sum + call.macs),
      0,
    );
    return `| ${cell(layer.address)} | ${cell(layer.class)} | ${cell(shapes)} | ${grouped(layer.params.total)} | ${macs === null ? '?' : grouped(macs)} |`;
  });
  const { totals: sum } = doc;
  const macs =
    sum.macs === null
      ? '?'
      : `${grouped(sum.macs)}${sum.macsUnknown > 0 ? ` (without ${sum.macsUnknown} calls of unknown cost)` : ''}`;
  return [
    `# ${cell(doc.name)}`,
    '',
    `${doc.format}, ${sum.layers} layers, ${grouped(sum.params)} parameters (${grouped(sum.trainable)} trainable), ${macs} multiply-accumulates.`,
    '',
    '| Layer | Class | Output shape | Parameters | MACs |',
    '| --- | --- | --- | ---: | ---: |',
    ...lines,
    '',
  ].join('\n');
}

/** RFC 4180, one line per layer. */
export function summaryCsv(doc: InspectDocument): string {
  const titles = [
    'address',
    'class',
    'depth',
    'output_shape',
    'params',
    'trainable_params',
    'non_trainable_params',
    'macs',
    'keras_index',
    'tfjs_index',
  ];
  const rows = doc.layers.map((layer) => [
    layer.address,
    layer.class,
    layer.depth,
    layer.calls.length > 0 ? outputShape(layer) : '',
    layer.params.total,
    layer.params.trainable,
    layer.params.nonTrainable,
    layer.calls[0]?.macs ?? '',
    layer.index.keras ?? '',
    layer.index.tfjs ?? '',
  ]);
  return [titles, ...rows].map((row) => row.map((value) => csvCell(String(value))).join(',')).join('\r\n') + '\r\n';
}

function csvCell(text: string): string {
  // a spreadsheet would run a cell that begins like a formula
  const safe = /^[=+@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}
