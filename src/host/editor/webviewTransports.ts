/** The host's end of the channel to one webview. */
import type { Disposable, Webview } from 'vscode';
import type { Transport } from '../../protocol/channel';

/** A webview starts anew whenever it is shown again: its first request. */
function isFreshStart(message: unknown): boolean {
  const { type, method } = message as { type?: unknown; method?: unknown };
  return type === 'request' && method === 'ready';
}

/**
 * Calls `connect` with a new transport each time the page starts: a page counts its requests from 1, so an answer that is
 * still under way for the page before must not reach it.
 */
export class WebviewTransports implements Disposable {
  private current: { listener: (message: unknown) => void; close: () => void } | null = null;
  private readonly subscription: Disposable;

  constructor(webview: Webview, connect: (transport: Transport) => void) {
    this.subscription = webview.onDidReceiveMessage((message: unknown) => {
      if (isFreshStart(message)) {
        this.current?.close();
        let open = true;
        let closed: () => void = () => undefined;
        let listener: (message: unknown) => void = () => undefined;
        connect({
          post: (outgoing) => {
            // A hidden webview takes nothing; it asks for everything when it is shown.
            if (open) void webview.postMessage(outgoing);
          },
          onMessage: (added) => (listener = added),
          onClose: (added) => (closed = added),
        });
        this.current = {
          listener,
          close: () => {
            open = false;
            closed();
          },
        };
      }
      this.current?.listener(message);
    });
  }

  /** The page is gone: whoever waits for its answer hears of it. */
  close(): void {
    this.current?.close();
    this.current = null;
  }

  dispose(): void {
    this.subscription.dispose();
    this.close();
  }
}
