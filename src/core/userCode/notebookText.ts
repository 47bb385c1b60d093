/** Cells of a notebook as one program. */

/** Cell magics whose cell is Python all the same. */
const PYTHON_CELLS = /^%%(?:time|timeit|capture|prun)\b/;

/** Python of a cell with its magics and shell lines blanked out: same length, same lines. */
export function withoutMagics(cell: string): string {
  if (/^%%/.test(cell) && !PYTHON_CELLS.test(cell)) return blank(cell);
  return cell.replace(/^[ \t]*[%!][^\n]*/gm, blank);
}

function blank(text: string): string {
  return text.replace(/[^\r\n]/g, ' ');
}
