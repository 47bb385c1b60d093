import path from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { TextDocument } from 'vscode';
import { fileAt, placesOf } from '../../../../src/host/languages/programFiles';

/** As much of VS Code as paths touch. */
const fake = vi.hoisted(() => ({
  folders: [] as string[],
  files: new Map<string, number>(),
  notebooks: [] as unknown[],
}));

vi.mock('vscode', () => {
  class Uri {
    constructor(
      readonly scheme: string,
      readonly authority: string,
      readonly path: string,
    ) {}
    static parse(text: string): Uri {
      const [, scheme = '', authority = '', rest = ''] = /^([\w-]+):(?:\/\/([^/]*))?(.*)$/.exec(text) ?? [];
      return new Uri(scheme, authority, rest);
    }
    static file(text: string): Uri {
      return new Uri('file', '', text);
    }
    static joinPath(uri: Uri, ...parts: string[]): Uri {
      return new Uri(uri.scheme, uri.authority, path.posix.join(uri.path, ...parts));
    }
    with(change: { path: string }): Uri {
      return new Uri(this.scheme, this.authority, change.path);
    }
    toString(): string {
      return `${this.scheme}://${this.authority}${this.path}`;
    }
  }
  return {
    Uri,
    FileType: { File: 1, Directory: 2 },
    NotebookCellKind: { Code: 2 },
    Range: class {},
    workspace: {
      get workspaceFolders() {
        return fake.folders.length > 0 ? fake.folders.map((folder) => ({ uri: Uri.parse(folder) })) : undefined;
      },
      getWorkspaceFolder: (uri: Uri) => {
        const folder = fake.folders.find((each) => uri.toString().startsWith(each));
        return folder === undefined ? undefined : { uri: Uri.parse(folder) };
      },
      get notebookDocuments() {
        return fake.notebooks;
      },
      fs: {
        stat: (uri: Uri) => {
          const type = fake.files.get(uri.toString());
          return type === undefined ? Promise.reject(new Error('none')) : Promise.resolve({ type, mtime: 1, size: 2 });
        },
      },
    },
  };
});

const { Uri } = await import('vscode');

function document(uri: string, isUntitled = false): TextDocument {
  return { uri: Uri.parse(uri), isUntitled } as TextDocument;
}

const places = (uri: string, text: string, from: 'anywhere' | 'program' = 'anywhere'): string[] =>
  placesOf({ text, from }, document(uri, uri.startsWith('untitled'))).map((place) => place.toString());

describe('where a path in a program leads', () => {
  beforeEach(() => {
    fake.folders = ['file:///one', 'file:///two'];
    fake.notebooks = [];
    fake.files.clear();
  });

  it('from its folder, then from its own workspace folder, then from the others', () => {
    expect(places('file:///two/src/a.ts', './m/model.json')).toEqual([
      'file:///two/src/m/model.json',
      'file:///two/m/model.json',
      'file:///one/m/model.json',
      'file:///two/public/m/model.json',
      'file:///one/public/m/model.json',
    ]);
  });

  it('from its folder alone where the program says so', () => {
    expect(places('file:///two/src/a.py', '../m.keras', 'program')).toEqual(['file:///two/m.keras']);
  });

  it('a path from the root: of the disk, of the workspace, of what is served', () => {
    expect(places('file:///one/a.ts', '/m/model.json')).toEqual([
      'file:///one/m/model.json',
      'file:///two/m/model.json',
      'file:///one/public/m/model.json',
      'file:///two/public/m/model.json',
    ]);
    expect(places('file:///one/a.ts', '/two/model.json')[0]).toBe('file:///two/model.json');
  });

  it('never outside of the workspace', () => {
    expect(places('file:///one/a.ts', '../../etc/x.json')).toEqual([]);
    expect(places('file:///onerous/a.ts', 'x.json')).toEqual([
      'file:///one/x.json',
      'file:///two/x.json',
      'file:///one/public/x.json',
      'file:///two/public/x.json',
    ]);
  });

  it('without a workspace: below the program', () => {
    fake.folders = [];
    expect(places('file:///home/a.ts', 'm/x.json')).toEqual(['file:///home/m/x.json']);
    expect(places('file:///home/a.ts', '../x.json')).toEqual([]);
    expect(places('untitled:Untitled-1', 'x.json')).toEqual([]);
  });

  it('of a new document: from the workspace', () => {
    expect(places('untitled:Untitled-1', 'x.json')[0]).toBe('file:///one/x.json');
    expect(places('untitled:Untitled-1', 'x.json', 'program')).toEqual([]);
  });

  it('of a cell: from the folder of its notebook', () => {
    const cell = document('vscode-notebook-cell:/one/nb/a.ipynb#W0');
    fake.notebooks = [
      { uri: Uri.parse('file:///one/nb/a.ipynb'), isUntitled: false, getCells: () => [{ document: cell }] },
    ];
    expect(placesOf({ text: 'x.keras', from: 'anywhere' }, cell)[0]?.toString()).toBe('file:///one/nb/x.keras');
  });

  it('on another machine: there', () => {
    fake.folders = ['vscode-vfs://github/me/repo'];
    expect(places('vscode-vfs://github/me/repo/a.ts', '/me/repo/x.json')[0]).toBe('vscode-vfs://github/me/repo/x.json');
  });

  it('the first that is a file', async () => {
    fake.files.set('file:///one/x.json', 2).set('file:///two/x.json', 1);
    const found = await fileAt(placesOf({ text: 'x.json', from: 'anywhere' }, document('file:///one/a.ts')));
    expect(found?.uri.toString()).toBe('file:///two/x.json');
    expect(await fileAt([])).toBeNull();
  });
});
