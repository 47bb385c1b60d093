/** Where code goes: a place in an editor, a new document, or the clipboard. */
import path from 'node:path';
import { env, l10n, QuickPickItemKind, ThemeIcon, window, workspace, type QuickPickItem, type Uri } from 'vscode';
import type { CodeSnippet } from '../../core/codegen/codeSnippet';
import type { CodeArgs } from '../contributions';
import { fileOf, type CodePlace } from '../languages/codeEditors';
import { insertAt, type Refusal } from '../languages/insertCode';

export type Destination = { kind: 'editor'; place: CodePlace } | { kind: 'document' } | { kind: 'clipboard' };

interface PlaceItem extends QuickPickItem {
  destination?: Destination;
}

/** With several code editors on screen it is not clear which one is meant: that is asked. Null when the user gives up. */
export async function chooseDestination(to: CodeArgs['to'], places: readonly CodePlace[]): Promise<Destination | null> {
  if (to === 'clipboard' || to === 'document') return { kind: to };
  const [first] = places;
  if (!first) return { kind: 'document' };
  if (places.length === 1 || to === 'editor') return { kind: 'editor', place: first };
  return askForDestination(l10n.t('Where shall the code go?'), places);
}

async function askForDestination(question: string, places: readonly CodePlace[]): Promise<Destination | null> {
  const items: PlaceItem[] = [
    ...places.map((place) => ({
      label: path.posix.basename(fileOf(place.document).path),
      description: l10n.t('line {0}', place.selection.active.line + 1),
      detail: workspace.asRelativePath(fileOf(place.document)),
      destination: { kind: 'editor', place } as const,
    })),
    ...(places.length > 0 ? [{ label: '', kind: QuickPickItemKind.Separator }] : []),
    { label: l10n.t('New document'), iconPath: new ThemeIcon('new-file'), destination: { kind: 'document' } },
    { label: l10n.t('Copy'), iconPath: new ThemeIcon('copy'), destination: { kind: 'clipboard' } },
  ];
  return (await window.showQuickPick(items, { placeHolder: question }))?.destination ?? null;
}

/** The model's path as a program in that file would say it; without one, from the workspace's folder. */
export function pathFromCode(model: Uri, code: Uri | null): string {
  const from =
    code && code.scheme === model.scheme
      ? path.posix.dirname(code.path)
      : (workspace.getWorkspaceFolder(model) ?? workspace.workspaceFolders?.[0])?.uri.path;
  const relative = from === undefined ? path.posix.basename(model.path) : path.posix.relative(from, model.path);
  return relative.startsWith('.') ? relative : `./${relative}`;
}

/**
 * Hands the code over; where an editor does not take it, the user says where it shall go instead.
 * @param write for a destination: paths in the code hang on it.
 * @param others editors that could take it.
 * @returns what was handed over; undefined when the user gave up.
 */
export async function handOver(
  write: (destination: Destination) => CodeSnippet,
  destination: Destination,
  others: readonly CodePlace[],
): Promise<string | undefined> {
  const snippet = write(destination);
  switch (destination.kind) {
    case 'clipboard':
      await env.clipboard.writeText(snippet.text);
      window.setStatusBarMessage(l10n.t('Code copied'), 3000);
      return snippet.text;
    case 'document':
      await window.showTextDocument(
        await workspace.openTextDocument({ language: snippet.language, content: snippet.text }),
      );
      return snippet.text;
    case 'editor': {
      const { place } = destination;
      const inserted = await insertAt(place, snippet);
      if (typeof inserted === 'string') {
        const left = others.filter(({ document }) => document !== place.document && !document.isClosed);
        const instead = await askForDestination(refusalQuestion(inserted, fileOf(place.document)), left);
        return instead ? handOver(write, instead, left) : undefined;
      }
      if (inserted.renamed.length > 0) {
        const names = inserted.renamed.map(({ from, to }) => `${from} → ${to}`).join(', ');
        const file = path.posix.basename(fileOf(place.document).path);
        void window.showInformationMessage(
          l10n.t('Names that {0} has already were changed in the new code: {1}', file, names),
        );
      }
      return inserted.code;
    }
  }
}

function refusalQuestion(refusal: Refusal, uri: Uri): string {
  const file = path.posix.basename(uri.path);
  switch (refusal) {
    case 'read-only':
      return l10n.t('{0} is read-only. Where shall the code go instead?', file);
    case 'closed':
      return l10n.t('{0} was closed. Where shall the code go instead?', file);
    case 'no-script':
      return l10n.t('{0} has no script. Where shall the code go instead?', file);
  }
}
