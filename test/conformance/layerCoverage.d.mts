import type { ExportTask } from './layerExports';

/** A model for each case, in a folder of its own below `folder`, with its input's values. */
export function writeExportTasks(folder: string, file: { keras: string; cases: unknown[] }): ExportTask[];
