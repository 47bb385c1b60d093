/** Activations to NumPy files, the summary to a table. */
import path from 'node:path';
import { l10n, Uri, window, workspace } from 'vscode';
import { SlicerError } from '../../core/errors';
import type { InspectDocument } from '../../core/model/inspectDocument';
import { summaryCsv, summaryMarkdown } from '../../core/model/summary';
import type { ExportSummaryArgs, SummaryFormat, TargetArgs } from '../contributions';
import { statOf } from '../statOf';
import { toUri, type CommandTargets } from './commandTargets';
import { folderFor } from './cutCommands';
import { longTask } from './longTask';
import { overwriting } from './overwriting';

/** `.npz`: one archive; any other name: a folder of `.npy` files with their pictures. Runs the model first when nothing is kept. */
export async function exportActivations(
  args: TargetArgs,
  targets: CommandTargets,
): Promise<{ files: string[]; bytes: number } | undefined> {
  const { document } = await targets.panel(args);
  const target =
    args.target === undefined
      ? await window.showSaveDialog({
          title: l10n.t('Export Activations'),
          saveLabel: l10n.t('Export'),
          defaultUri: Uri.joinPath(folderFor(document.uri), 'activations.npz'),
          filters: { [l10n.t('NumPy archive')]: ['npz'], [l10n.t('Folder of NumPy arrays and pictures')]: ['*'] },
        })
      : toUri(args.target);
  if (!target) return undefined;
  if (!document.run.keptRun) await document.run.start();
  const addresses = args.addresses ?? ('all' as const);
  const png = path.extname(target.fsPath).toLowerCase() !== '.npz';
  const written = await overwriting(args.overwrite, path.basename(target.fsPath), (force) =>
    longTask(l10n.t('Exporting activations'), (options) =>
      document.exportActivations({ addresses, target: target.fsPath, png, force }, options),
    ),
  );
  if (written && args.target === undefined) {
    void window.showInformationMessage(l10n.t('Exported {0}.', workspace.asRelativePath(target)));
  }
  return written;
}

const FORMATS: Record<
  SummaryFormat,
  { label: string; language: string; write: (document: InspectDocument) => string }
> = {
  markdown: { label: 'Markdown', language: 'markdown', write: summaryMarkdown },
  csv: { label: 'CSV', language: 'plaintext', write: summaryCsv },
  json: { label: 'JSON', language: 'json', write: (document) => `${JSON.stringify(document, null, 2)}\n` },
};

/** Returns the text. Without a target it opens as a new document. */
export async function exportSummary(args: ExportSummaryArgs, targets: CommandTargets): Promise<string | undefined> {
  const { document } = await targets.panel(args);
  const format = args.format ?? (await askForFormat());
  if (!format || !document.loaded) return undefined;
  const { language, write } = FORMATS[format];
  const content = write(document.loaded.rows);
  if (args.target === undefined) {
    await window.showTextDocument(await workspace.openTextDocument({ language, content }));
    return content;
  }
  const target = toUri(args.target);
  await overwriting(args.overwrite, path.basename(target.path), async (force) => {
    if (!force && (await statOf(target))) throw new SlicerError('target-exists', { target: target.fsPath });
    await workspace.fs.writeFile(target, new TextEncoder().encode(content));
  });
  return content;
}

async function askForFormat(): Promise<SummaryFormat | undefined> {
  const items = (Object.keys(FORMATS) as SummaryFormat[]).map((format) => ({ label: FORMATS[format].label, format }));
  return (await window.showQuickPick(items, { placeHolder: l10n.t('Format of the summary') }))?.format;
}
