/** One editor of a model: its webview, and the channel to it. */
import path from 'node:path';
import { env, l10n, Uri, window, type Disposable, type WebviewPanel } from 'vscode';
import { SlicerError } from '../../core/errors';
import { Channel, type Handlers } from '../../protocol/channel';
import type { InputSource } from '../../protocol/engine';
import type { HostContract, WebviewContract } from '../../protocol/viewer';
import { commands, settings, type CommandArguments, type CommandId } from '../contributions';
import { Disposables } from '../disposables';
import { writeSetting } from '../preferences';
import type { ModelDocument } from './modelDocument';
import { resourceRoots, webviewHtml } from './webviewHtml';
import { WebviewTransports } from './webviewTransports';

export interface PanelServices {
  extensionUri: Uri;
  /** Runs a command for a model; errors come as `SlicerError`. */
  runCommand: <Id extends CommandId>(id: Id, args: CommandArguments[Id]) => Promise<unknown>;
  onPainted: (document: ModelDocument, rows: number) => void;
}

type ModelChannel = Channel<HostContract, WebviewContract>;
type Tell = (channel: ModelChannel) => Promise<unknown>;

export class ModelPanel implements Disposable {
  private readonly disposables = new Disposables();
  private channel: ModelChannel | null = null;
  /** What a page must still answer, and the one that was asked. */
  private waiting: { tell: Tell; asked: ModelChannel | null } | null = null;
  /** Until the page has the whole state, changes would only confuse it. */
  private ready = false;

  constructor(
    readonly panel: WebviewPanel,
    readonly document: ModelDocument,
    private readonly services: PanelServices,
  ) {
    const { webview } = panel;
    webview.options = { enableScripts: true, localResourceRoots: resourceRoots(services.extensionUri) };
    const transports = this.disposables.add(
      new WebviewTransports(webview, (transport) => {
        this.ready = false;
        this.channel = new Channel<HostContract, WebviewContract>(transport, this.handlers());
        this.channel.on('painted', ({ rows }) => services.onPainted(document, rows));
      }),
    );
    this.disposables.add(
      panel.onDidChangeViewState(() => {
        // VS Code drops the page of a hidden editor; it starts anew when it is shown.
        if (!panel.visible) this.leave(transports);
      }),
    );
    this.disposables.add(
      document.onDidChangeState((change) => {
        if (this.ready) this.channel?.send('state', change);
      }),
    );
    this.disposables.add(
      document.onActivations((batch) => {
        if (this.ready) this.channel?.send('activations', batch);
      }),
    );
    webview.html = webviewHtml(webview, services.extensionUri, env.language);
  }

  /** Addresses of the rows that are selected; none while the page is not there. */
  async selection(): Promise<string[]> {
    if (!this.ready || !this.channel || !this.panel.visible) return [];
    return (await this.channel.request('selection', {})).addresses;
  }

  reveal(address: string): void {
    this.show((channel) => channel.request('reveal', { address }));
  }

  focusSearch(): void {
    this.show((channel) => channel.request('focusSearch', {}));
  }

  dispose(): void {
    this.ready = false;
    this.channel = null;
    this.disposables.dispose();
  }

  /** Brings the editor to the front; `tell` waits for a page that has to start first. */
  private show(tell: Tell): void {
    this.panel.reveal();
    this.waiting = { tell, asked: null };
    void this.tellPage();
  }

  /** Waits on until a page has answered: one that VS Code is about to drop takes messages, too, and does nothing. */
  private async tellPage(): Promise<void> {
    const { channel, waiting } = this;
    if (!this.ready || !channel || !waiting || waiting.asked === channel) return;
    waiting.asked = channel;
    try {
      await waiting.tell(channel);
      if (this.waiting === waiting) this.waiting = null;
    } catch (error) {
      if (!(error instanceof SlicerError && error.code === 'closed')) throw error;
    }
  }

  private leave(transports: WebviewTransports): void {
    this.ready = false;
    this.channel = null;
    transports.close();
  }

  private handlers(): Handlers<HostContract> {
    const { document } = this;
    const { uri } = document;
    const done = (_result?: unknown): null => null;
    return {
      ready: () => {
        this.ready = true;
        // After the answer: the page first needs rows to show one of them.
        setTimeout(() => void this.tellPage());
        return document.state;
      },
      details: ({ address }) => document.details(address),
      tensorsAround: ({ address }) => ({ tensors: document.tensorsAround(address) }),
      weightStatistics: ({ address }) => document.weightStatistics(address),
      toggleMarks: ({ addresses, kind }) => done(document.cut.toggle(addresses, kind)),
      setInputs: ({ addresses }) => done(document.cut.setInputs(addresses)),
      clearMarks: () => done(document.cut.clear()),
      undo: () => done(document.cut.undo()),
      redo: () => done(document.cut.redo()),
      setInput: async ({ spec }) => done(await document.setInput(spec)),
      pickInput: async ({ input }) => done(await pickInput(document, input)),
      run: async () => done(await document.run.start()),
      runInner: async ({ address }) => done(await document.run.startWithInner(address)),
      cancelRun: () => done(document.run.cancel()),
      preview: ({ address, options }) => document.run.preview(address, options),
      values: ({ address, example, channel }) => document.run.values(address, example, channel),
      verify: async () => done(await document.cut.verify()),
      cancelVerify: () => done(document.cut.cancelVerify()),
      command: async ({ id, addresses }) => {
        if (id === 'openStructure') await document.load({ structureOnly: true });
        else if (id === 'reload') await document.reload();
        else if (id === 'reopenAsText') await this.services.runCommand(commands.openAsText, { uri });
        else await this.services.runCommand(commands[id], { uri, addresses });
        return null;
      },
      copy: async ({ text }) => done(await env.clipboard.writeText(text)),
      setSetting: async ({ key, value }) => done(await writeSetting(settings[key], value)),
    };
  }
}

/** Asks for a picture or an array; nothing happens when the user closes the dialog. */
export async function pickInput(document: ModelDocument, input: string): Promise<void> {
  const chosen = await window.showOpenDialog({
    title: l10n.t('Input {0} of {1}', input, document.fileName),
    openLabel: l10n.t('Use as Input'),
    defaultUri: document.uri.scheme === 'file' ? Uri.joinPath(document.uri, '..') : undefined,
    filters: {
      [l10n.t('Pictures and arrays')]: ['png', 'jpg', 'jpeg', 'npy', 'npz', 'json'],
      [l10n.t('All files')]: ['*'],
    },
  });
  const file = chosen?.[0];
  if (file) await document.setInput({ ...keptDims(document, input), input, source: inputSource(file.fsPath) });
}

/** What a file is, by its name; its content is judged by the engine. */
export function inputSource(file: string): InputSource {
  const name = path.basename(file);
  const extension = path.extname(file).toLowerCase();
  if (extension === '.npy' || extension === '.npz' || extension === '.json') {
    return {
      kind: 'array',
      path: file,
      name,
      format: extension === '.npy' ? 'npy' : extension === '.npz' ? 'npz' : 'json',
    };
  }
  return { kind: 'picture', path: file, name };
}

function keptDims(document: ModelDocument, input: string): { dims?: Record<number, number> } {
  const dims = document.run.specs.find((spec) => spec.input === input)?.dims;
  return dims ? { dims } : {};
}
