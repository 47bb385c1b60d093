/** Layers one by one in Keras's own formats, with what the Keras that has them computes. */
import path from 'node:path';
import { SlicerError } from '../../src/core/errors';
import type { SliceFormat } from '../../src/core/slicing/slice';
import { sliceModel } from '../../src/core/slicing/sliceModel';
import { openModelFile } from '../../src/engine/files/openModelFile';
import { writeSlice } from '../../src/engine/files/writeSlice';
import type { ExportTask } from './layerExports';

const FORMATS: readonly [SliceFormat, string][] = [
  ['keras-v3', '.keras'],
  ['keras-h5', '.h5'],
];

export interface LayerTrip {
  trip: string;
  format: SliceFormat;
  declared: string | null;
  notes: string[];
  wrong: string[];
  job: {
    file: string;
    inputs: ExportTask['inputs'];
    outputs: string[];
    facts: NonNullable<ExportTask['outputs']>;
    tolerance: number;
    mayFail: boolean;
  } | null;
}

/** @param folder for what is saved. */
export async function writeLayerTrips(tasks: readonly ExportTask[], folder: string): Promise<LayerTrip[]> {
  const rows: LayerTrip[] = [];
  for (const task of tasks) {
    for (const [format, ending] of FORMATS) {
      const row: LayerTrip = { trip: task.id, format, declared: task.ownToBackend, notes: [], wrong: [], job: null };
      const facts = task.outputs;
      if (!facts) continue;
      rows.push(row);
      const file = path.join(folder, `layer-${rows.length}${ending}`);
      const opened = await openModelFile(task.file);
      try {
        const slice = sliceModel(opened.model, { outputs: [], inputs: [] }, format);
        row.notes = slice.plan.notes.map(({ message }) => message);
        await writeSlice(slice, opened, file, { force: false });
        if (row.declared !== null) continue;
        row.job = {
          file,
          inputs: task.inputs,
          outputs: facts.map((_, i) => String(i)),
          facts,
          // JAX, under which Keras runs here, resizes with other rounding than TensorFlow, which made the facts
          tolerance: task.class === 'Resizing' ? 1e-3 : task.tolerance,
          mayFail: row.notes.some((note) => note.startsWith('Only Keras 2 can load')),
        };
      } catch (error) {
        if (error instanceof SlicerError && error.code === 'not-exportable')
          row.declared = typeof error.data.why === 'string' ? error.data.why : error.code;
        else
          row.wrong.push(error instanceof SlicerError ? `${error.code} ${JSON.stringify(error.data)}` : String(error));
      } finally {
        await opened.close();
      }
    }
  }
  return rows;
}
