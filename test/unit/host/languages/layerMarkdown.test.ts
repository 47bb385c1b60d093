import { describe, expect, it, vi } from 'vitest';
import type { Uri } from 'vscode';
import type { IndexedLayer } from '../../../../src/core/userCode/layerIndex';
import { layerMarkdown } from '../../../../src/host/languages/layerMarkdown';

interface Recorded {
  isTrusted: unknown;
  texts: string[];
  markdown: string[];
}

vi.mock('vscode', async () => {
  const { fakeVscode } = await import('../editor/fakeVscode');
  class MarkdownString {
    isTrusted: unknown = false;
    texts: string[] = [];
    markdown: string[] = [];
    appendText(text: string): this {
      this.texts.push(text);
      return this;
    }
    appendMarkdown(text: string): this {
      this.markdown.push(text);
      return this;
    }
  }
  return { ...fakeVscode, MarkdownString, workspace: { asRelativePath: () => 'm)/model.json' } };
});

const evil = '`**x**`](command:workbench.action.quit) <img src=x>\n# (evil)';
const layer: IndexedLayer = {
  name: evil,
  className: evil,
  address: evil,
  shapes: [[null, 3]],
  params: 1234,
  trainable: false,
  isLayer: true,
  index: { keras: null, tfjs: 0 },
  inside: null,
};

describe('what a hover says', () => {
  const uri = { toString: () => `file:///w/${evil}/model.json` } as Uri;
  const recorded = layerMarkdown(layer, uri, 'python') as unknown as Recorded;

  it('takes all that a model holds as text', () => {
    const markdown = recorded.markdown.join('');
    for (const sign of ['evil', 'quit', '<img', '`']) {
      // encoded, they stand in the link's query
      expect(markdown.replace(/\?[\w%.~-]+\)/, '?)')).not.toContain(sign);
    }
    expect(recorded.texts.join('\n')).toContain('workbench.action.quit');
    expect(recorded.texts).toContain('Output shape (None, 3)');
    expect(recorded.texts).toContain('1,234 parameters, not trainable');
  });

  it('links one command, with the layer and its model, and trusts no other', () => {
    expect(recorded.isTrusted).toEqual({ enabledCommands: ['modelSlicer.previewLayer'] });
    const [, query = ''] =
      /^\]\(command:modelSlicer\.previewLayer\?([^()\s]+)\)/.exec(recorded.markdown.at(-1) ?? '') ?? [];
    expect(JSON.parse(decodeURIComponent(query))).toEqual([{ uri: uri.toString(), addresses: [evil] }]);
  });
});
