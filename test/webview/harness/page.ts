/** Runs before the webview's bundle: the theme, and an `acquireVsCodeApi` with a host inside the page. */
import { FakeHost } from './fakeHost';
import type { Recording } from './recording';
import themes from './themes.json';

const query = new URLSearchParams(location.search);

function setTheme(name: string): void {
  const theme = themes[name as keyof typeof themes];
  const { style } = document.documentElement;
  style.cssText = '';
  for (const [variable, value] of Object.entries(theme.variables)) style.setProperty(variable, value);
  style.setProperty('--vscode-font-family', 'Liberation Sans, sans-serif');
  style.setProperty('--vscode-editor-font-family', 'DejaVu Sans Mono, monospace');
  document.body.className = theme.bodyClass;
}

setTheme(query.get('theme') ?? 'dark');

const recording = fetch(`recordings/${query.get('model') ?? 'digits'}.json`).then(
  (answer) => answer.json() as Promise<Recording>,
);
const host = new FakeHost(recording, query);
let state: unknown = JSON.parse(sessionStorage.getItem('state') ?? 'null') ?? undefined;

Object.assign(window, {
  harness: host,
  setTheme,
  acquireVsCodeApi: () => ({
    // VS Code clones messages, so that nobody can share an object by accident.
    postMessage: (message: unknown) => host.receive(structuredClone(message)),
    getState: () => state,
    setState: (next: unknown) => {
      state = structuredClone(next);
      sessionStorage.setItem('state', JSON.stringify(state));
    },
  }),
});
