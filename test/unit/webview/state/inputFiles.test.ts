import { describe, expect, it } from 'vitest';
import { fileSource, pathSource } from '../../../../webview/state/inputFiles';

it.each([
  ['/data/a b.png', { kind: 'picture', path: '/data/a b.png', name: 'a b.png' }],
  ['file:///data/a%20b.JPG', { kind: 'picture', path: '/data/a b.JPG', name: 'a b.JPG' }],
  ['file:///C:/data/x.npy', { kind: 'array', format: 'npy', path: 'C:/data/x.npy', name: 'x.npy' }],
  ['vscode-remote://ssh-remote+host/data/x.npz', { kind: 'array', format: 'npz', path: '/data/x.npz', name: 'x.npz' }],
  ['C:\\data\\x.json', { kind: 'array', format: 'json', path: 'C:\\data\\x.json', name: 'x.json' }],
  ['/data/model.h5', null],
  ['/data/png', null],
])('%s', (path, source) => {
  expect(pathSource(path)).toEqual(source);
});

describe('a file', () => {
  it('without a name is told by its type', async () => {
    expect(await fileSource(new File([Uint8Array.of(1)], '', { type: 'image/jpeg' }))).toEqual({
      kind: 'picture',
      name: 'pasted.jpg',
      bytes: Uint8Array.of(1),
    });
  });

  it('of another kind is refused by name', async () => {
    expect(await fileSource(new File([], 'notes.txt'))).toEqual({
      problem: 'notes.txt is no PNG, JPEG, npy, npz or JSON file.',
    });
  });
});
