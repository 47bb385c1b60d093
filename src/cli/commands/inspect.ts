import { SlicerError } from '../../core/errors';
import { inspectModel } from '../../core/model/inspect';
import { summaryCsv, summaryMarkdown, summaryTable } from '../../core/model/summary';
import { errorJson, print, printJson, warn } from '../output';
import { firstError, Session, type SessionOptions } from '../session';

export interface InspectOptions extends SessionOptions {
  json?: boolean;
  table?: boolean;
  markdown?: boolean;
  csv?: boolean;
}

/** The whole document comes also where only the structure could be read; the error beside it then ends the command. */
export async function inspect(file: string, options: InspectOptions): Promise<void> {
  const chosen = [options.json, options.table, options.markdown, options.csv].filter(Boolean);
  if (chosen.length > 1)
    throw new SlicerError('usage', { detail: 'Choose one of --json, --table, --markdown and --csv.' });
  await Session.with(file, options, async ({ model }) => {
    const document = inspectModel(model);
    const error = firstError(model);
    if (options.json) {
      await printJson(error ? { ...document, error: errorJson(error) } : document);
    } else {
      for (const { message } of document.repairs) warn(`repaired: ${message}`);
      for (const { severity, message } of document.problems) if (severity === 'warning') warn(`warning: ${message}`);
      await print(
        options.csv ? summaryCsv(document) : options.markdown ? summaryMarkdown(document) : summaryTable(document),
      );
    }
    if (error) throw error;
  });
}
