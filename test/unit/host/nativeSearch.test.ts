/** Where the native backend is looked for: in this order, and only with trust. */
import { beforeEach, expect, it, vi } from 'vitest';

interface Fake {
  isTrusted: boolean;
  /** What the setting says. */
  named: unknown;
  workspaceFolders: { uri: { scheme: string; fsPath: string } }[] | undefined;
  getConfiguration(): { get(): unknown };
  getWorkspaceFolder(uri: { fsPath: string }): unknown;
}

const workspace = vi.hoisted((): Fake => ({
  isTrusted: true,
  named: '',
  workspaceFolders: [],
  getConfiguration: () => ({ get: () => workspace.named }),
  getWorkspaceFolder: ({ fsPath }) =>
    workspace.workspaceFolders?.find(({ uri }) => fsPath.startsWith(`${uri.fsPath}/`)),
}));
vi.mock('vscode', () => ({ workspace }));

const { nativeSearchFor } = await import('../../../src/host/nativeSearch');

const folder = (fsPath: string, scheme = 'file'): { uri: { scheme: string; fsPath: string } } => ({
  uri: { scheme, fsPath },
});
const search = (fsPath: string, scheme = 'file'): ReturnType<typeof nativeSearchFor> =>
  nativeSearchFor('/own', { scheme, fsPath } as never);

beforeEach(() => {
  Object.assign(workspace, { isTrusted: true, named: '', workspaceFolders: [folder('/ws'), folder('/other')] });
});

it('what was installed on request, the folders above the model, then the workspace', () => {
  expect(search('/ws/packages/a/model.json')).toEqual({
    named: null,
    folders: ['/own', '/ws/packages/a', '/ws/packages', '/ws', '/other'],
    trusted: true,
  });
  expect(nativeSearchFor('/own').folders).toEqual(['/own', '/ws', '/other']);
});

it('no folder above the workspace, and none that is not on this machine', () => {
  workspace.workspaceFolders?.push(folder('/far', 'vscode-remote'));
  expect(search('/elsewhere/model.json').folders).toEqual(['/own', '/ws', '/other']);
  expect(search('/ws/packages/model.json', 'git').folders).toEqual(['/own', '/ws', '/other']);
  workspace.workspaceFolders = undefined;
  expect(search('/ws/model.json').folders).toEqual(['/own']);
});

it('says that there is no trust, whatever else is there', () => {
  workspace.isTrusted = false;
  expect(search('/ws/model.json').trusted).toBe(false);
});

it('takes the named folder as it is, if it is one', () => {
  workspace.named = ' /opt/native ';
  expect(search('/ws/model.json').named).toBe('/opt/native');
  for (const value of ['', '  ', 7, null]) {
    workspace.named = value;
    expect(search('/ws/model.json').named).toBeNull();
  }
});
