/**
 * Layers saved as layers-models: what plain TF.js makes of each, in a process that imports nothing of ours, or why it is
 * not saved.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SlicerError } from '../../src/core/errors';
import { sliceModel } from '../../src/core/slicing/sliceModel';
import { openModelFile } from '../../src/engine/files/openModelFile';
import { writeSlice } from '../../src/engine/files/writeSlice';

/** A model around one layer, with the facts of the Keras that made it. */
export interface ExportTask {
  id: string;
  class: string;
  file: string;
  inputs: { name: string; shape: number[]; dtype: string; values: number[] }[];
  /** Null where Keras could not run it. */
  outputs: { shape: number[]; values?: (number | string | null)[]; first?: (number | string | null)[] }[] | null;
  /** How far a value may be from Keras's, for a largest value of 1. */
  tolerance: number;
  /** Why only Keras on the backend that made the facts computes them; null where all backends do. */
  ownToBackend: string | null;
}

export interface ExportRow {
  case: string;
  class: string;
  /** Why it is not saved; null when it is. */
  declared: string | null;
  /** Whether plain TF.js gave Keras's numbers. */
  right: boolean;
  wrong: string[];
}

interface Answer {
  error?: string;
  outputs?: { shape: number[]; values: (number | string)[] }[];
}

/** @param loader the script that loads saved models with plain TF.js.  @param folder for what is saved. */
export async function checkExports(tasks: ExportTask[], loader: string, folder: string): Promise<ExportRow[]> {
  const rows: ExportRow[] = [];
  const jobs: { row: ExportRow; task: ExportTask; model: string; inputs: ExportTask['inputs'] }[] = [];
  for (const task of tasks) {
    const row: ExportRow = { case: task.id, class: task.class, declared: null, right: false, wrong: [] };
    rows.push(row);
    const saved = await save(task, path.join(folder, `saved-${rows.length}`), row);
    if (saved && task.outputs) jobs.push({ row, task, ...saved });
  }
  const [asked, given] = [path.join(folder, 'jobs.json'), path.join(folder, 'answers.json')];
  writeFileSync(asked, JSON.stringify(jobs.map(({ model, inputs }) => ({ model, inputs }))));
  execFileSync(process.execPath, [loader, asked, given], { stdio: 'pipe' });
  const answers = JSON.parse(readFileSync(given, 'utf8')) as Answer[];
  jobs.forEach(({ row, task }, i) => {
    row.wrong.push(...compare(task, answers[i] ?? {}));
    row.right = row.wrong.length === 0;
  });
  rmSync(asked);
  return rows;
}

async function save(
  task: ExportTask,
  target: string,
  row: ExportRow,
): Promise<{ model: string; inputs: ExportTask['inputs'] } | null> {
  let opened: Awaited<ReturnType<typeof openModelFile>> | null = null;
  try {
    opened = await openModelFile(task.file);
    const slice = sliceModel(opened.model, { outputs: [], inputs: [] });
    const [lack] = slice.plan.notExportable;
    if (lack) {
      row.declared = lack.reason;
      return null;
    }
    await writeSlice(slice, opened, target, { force: false });
    const inputs = slice.plan.inputs.map(({ name }) => task.inputs.find((input) => input.name === name));
    if (inputs.includes(undefined)) row.wrong.push('an input has lost its name');
    return { model: path.join(target, 'model.json'), inputs: inputs.filter((input) => input !== undefined) };
  } catch (error) {
    if (error instanceof SlicerError && error.code === 'not-exportable') row.declared = JSON.stringify(error.data);
    else row.wrong.push(error instanceof SlicerError ? `${error.code} ${JSON.stringify(error.data)}` : String(error));
    return null;
  } finally {
    await opened?.close();
  }
}

function compare({ outputs, tolerance }: ExportTask, { error, outputs: found = [] }: Answer): string[] {
  if (error !== undefined) return [`plain TensorFlow.js: ${error.slice(0, 200)}`];
  return (outputs ?? []).flatMap((fact, i) => {
    const output = found[i];
    if (output?.shape.join() !== fact.shape.join()) return [`output ${i} has the shape [${String(output?.shape)}]`];
    const expected = (fact.values ?? fact.first ?? []).map(Number);
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value) || 0), 1);
    const apart = expected.reduce((worst, value, at) => {
      const other = Number(output.values[at]);
      if (Object.is(value, other) || (Number.isNaN(value) && Number.isNaN(other))) return worst;
      const difference = Math.abs(value - other);
      return Number.isNaN(difference) ? Infinity : Math.max(worst, difference);
    }, 0);
    return apart > tolerance * largest ? [`output ${i} differs by ${apart}`] : [];
  });
}
