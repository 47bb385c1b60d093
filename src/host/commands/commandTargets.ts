/** Which model, which layers and which place a command is about. */
import path from 'node:path';
import { commands as vscodeCommands, l10n, Uri, window, workspace, type Disposable } from 'vscode';
import { SlicerError } from '../../core/errors';
import type { AddressArgs, ModelArgs } from '../contributions';
import { viewTypeOf } from '../contributions';
import type { ModelDocument } from '../editor/modelDocument';
import type { ModelEditors } from '../editor/modelEditorProvider';
import type { ModelPanel } from '../editor/modelPanel';

/**
 * What a command got as its first argument, as one object: menus of the explorer and of editors hand over a uri,
 * the webview's menu the context of the row.
 */
export function normalizeArguments(first: unknown): object {
  if (first instanceof Uri) return { uri: first };
  if (typeof first !== 'object' || first === null) return {};
  const { webviewSection, address, addresses } = first as {
    webviewSection?: unknown;
    address?: unknown;
    addresses?: unknown;
  };
  if (webviewSection === undefined) return first;
  const rows = Array.isArray(addresses) ? addresses : [address];
  return { addresses: rows.filter((row) => typeof row === 'string') };
}

/** A path, absolute or from the first workspace folder, or a uri as text. */
export function toUri(place: Uri | string): Uri {
  if (place instanceof Uri) return place;
  if (/^[a-z][a-z0-9+.-]+:\//i.test(place)) return Uri.parse(place, true);
  const folder = workspace.workspaceFolders?.[0]?.uri.fsPath;
  return Uri.file(path.isAbsolute(place) || folder === undefined ? place : path.join(folder, place));
}

export class CommandTargets {
  constructor(private readonly editors: ModelEditors) {}

  /**
   * The editor that a command works on, with its model read. Opens an editor for `uri` when there is none.
   * @throws SlicerError `usage` when no model is open, or when it could not be read.
   */
  async panel({ uri }: ModelArgs): Promise<ModelPanel> {
    const panel = uri === undefined ? this.editors.active : await this.opened(toUri(uri));
    if (!panel) throw new SlicerError('usage', { detail: l10n.t('No model is open: open one first.') });
    await loaded(panel.document);
    return panel;
  }

  /** Given ones, else the selected rows, else the user's choice of one; empty when the user gives up. */
  async addresses(panel: ModelPanel, { addresses }: AddressArgs, question: string): Promise<string[]> {
    if (addresses) return addresses;
    const selected = await panel.selection();
    return selected.length > 0 ? selected : askForLayer(panel.document, question);
  }

  private async opened(uri: Uri): Promise<ModelPanel | null> {
    const known = this.editors.find(uri);
    if (known) return known;
    let listening: Disposable | undefined;
    const panel = new Promise<ModelPanel>((resolve) => {
      listening = this.editors.onDidOpen((opened) => {
        if (opened.document.uri.toString() === uri.toString()) resolve(opened);
      });
    });
    try {
      await vscodeCommands.executeCommand('vscode.openWith', uri, viewTypeOf(uri));
      return this.editors.find(uri) ?? (await panel);
    } finally {
      listening?.dispose();
    }
  }
}

async function loaded(document: ModelDocument): Promise<void> {
  if (document.state.loading) {
    await new Promise<void>((resolve) => {
      const listening = document.onDidChangeState(({ loading }) => {
        if (loading !== false) return;
        listening.dispose();
        resolve();
      });
    });
  }
  if (!document.loaded) {
    throw new SlicerError('usage', {
      detail: document.state.error?.message ?? l10n.t('{0} is not open.', document.fileName),
    });
  }
}

async function askForLayer(document: ModelDocument, placeHolder: string): Promise<string[]> {
  const layers = document.loaded?.rows.layers ?? [];
  const items = layers.flatMap((layer) =>
    layer.calls.map(({ address, outputs }) => ({
      label: address,
      description: layer.class,
      detail: outputs.map(({ shape }) => (shape ? `(${shape.map((size) => size ?? '·').join(', ')})` : '?')).join(' '),
    })),
  );
  const chosen = await window.showQuickPick(items, { placeHolder, matchOnDescription: true });
  return chosen ? [chosen.label] : [];
}
