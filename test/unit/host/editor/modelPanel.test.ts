import type { WebviewPanel } from 'vscode';
import { expect, it, vi } from 'vitest';
import type { ModelDocument } from '../../../../src/host/editor/modelDocument';
import { ModelPanel, type PanelServices } from '../../../../src/host/editor/modelPanel';
import { Channel } from '../../../../src/protocol/channel';
import type { HostContract, WebviewContract } from '../../../../src/protocol/viewer';

vi.mock('vscode', async () => (await import('./fakeVscode')).fakeVscode);

/** An editor whose pages come and go as VS Code lets them: each is a real channel, over messages that take a turn. */
function editor() {
  const toHost = new Set<(message: unknown) => void>();
  const viewState = new Set<() => void>();
  let page: ((message: unknown) => void) | null = null;
  const panel = {
    visible: true,
    reveal: () => undefined,
    onDidChangeViewState: (listener: () => void) => void viewState.add(listener),
    webview: {
      cspSource: '',
      asWebviewUri: (uri: unknown) => uri,
      onDidReceiveMessage: (listener: (message: unknown) => void) => void toHost.add(listener),
      postMessage: (message: unknown) => {
        const receiver = page;
        setImmediate(() => receiver?.(message));
      },
    },
  };
  const listen = (): undefined => undefined;
  const document = { uri: 'file:///m/model.json', state: {}, onDidChangeState: listen, onActivations: listen };
  return {
    model: new ModelPanel(
      panel as unknown as WebviewPanel,
      document as unknown as ModelDocument,
      { extensionUri: 'file:///x' } as unknown as PanelServices,
    ),
    show: (visible: boolean) => {
      panel.visible = visible;
      for (const listener of viewState) listener();
    },
    /** A page that starts; `dies`: VS Code drops it before it hears the first thing. */
    start: async ({ dies = false } = {}) => {
      const revealed: string[] = [];
      const channel = new Channel<WebviewContract, HostContract>(
        {
          post: (message) => {
            for (const listener of toHost) listener(structuredClone(message));
          },
          onMessage: (listener) => (page = listener),
          onClose: () => undefined,
        },
        {
          selection: () => ({ addresses: [] }),
          focusSearch: () => null,
          reveal: ({ address }) => {
            revealed.push(address);
            return null;
          },
        },
      );
      const ready = channel.request('ready', {});
      if (dies) page = null;
      else await ready;
      return revealed;
    },
  };
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setTimeout(resolve));
};

it('tells the page at once what to show, and once', async () => {
  const { model, start } = editor();
  const revealed = await start();
  model.reveal('flatten');
  await turns();
  expect(revealed).toEqual(['flatten']);
});

it('tells the next page what a page that was being dropped took and never showed', async () => {
  const { model, start, show } = editor();
  show(false);
  model.reveal('flatten');
  await start({ dies: true });
  await turns();
  show(true);
  const revealed = await start();
  await turns();
  expect(revealed).toEqual(['flatten']);
});
