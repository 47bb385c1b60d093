/** The webview's end of the channel, and what VS Code keeps for it while it is hidden. */
import { Channel, type Handlers, type Transport } from '../src/protocol/channel';
import type { HostContract, WebviewContract } from '../src/protocol/viewer';

interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

export type HostChannel = Channel<WebviewContract, HostContract>;

export interface Bridge {
  connect(handlers: Handlers<WebviewContract>): HostChannel;
  loadState(): unknown;
  saveState(state: unknown): void;
}

/** May be called once: VS Code hands its API out only once. */
export function createBridge(): Bridge {
  const api = acquireVsCodeApi();
  const transport: Transport = {
    post: (message) => api.postMessage(message),
    onMessage: (listener) => window.addEventListener('message', (event) => listener(event.data)),
    // A webview that is closed is gone with all its script: there is nobody left to tell.
    onClose: () => undefined,
  };
  return {
    connect: (handlers) => new Channel<WebviewContract, HostContract>(transport, handlers),
    loadState: () => api.getState(),
    saveState: (state) => api.setState(state),
  };
}
