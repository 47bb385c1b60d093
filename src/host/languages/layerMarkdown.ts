/** What a hover says of a layer. All that comes from the model's file is text, never Markdown. */
import { l10n, MarkdownString, workspace, type Uri } from 'vscode';
import { plainText } from '../../core/messageText';
import type { IndexedLayer } from '../../core/userCode/layerIndex';
import { outputShapes } from '../../core/userCode/layerText';
import type { ProgramLanguage } from '../../core/userCode/program';
import { commands, type AddressArgs } from '../contributions';

export function layerMarkdown(layer: IndexedLayer, uri: Uri, language: ProgramLanguage): MarkdownString {
  const markdown = new MarkdownString();
  // nothing but this one command can be linked, whatever the texts hold
  markdown.isTrusted = { enabledCommands: [commands.previewLayer] };
  const line = (text: string): void => {
    markdown.appendMarkdown('\n\n').appendText(plainText(text));
  };
  markdown.appendMarkdown('**').appendText(plainText(layer.name)).appendMarkdown('** ');
  markdown.appendText(plainText(layer.className));
  line(l10n.t('Output shape {0}', outputShapes(layer, language)));
  line(parameters(layer));
  line(indices(layer));
  line(l10n.t('Address {0}', layer.address));
  markdown.appendMarkdown('\n\n[').appendText(l10n.t('Show in Model Slicer'));
  markdown.appendMarkdown(`](${showCommand(layer, uri)}) · `).appendText(workspace.asRelativePath(uri));
  return markdown;
}

function parameters({ params, trainable }: IndexedLayer): string {
  const count = params.toLocaleString('en');
  return trainable || params === 0 ? l10n.t('{0} parameters', count) : l10n.t('{0} parameters, not trainable', count);
}

/** Both, because they differ where Keras leaves out an InputLayer that TF.js lists. */
function indices({ index: { keras, tfjs } }: IndexedLayer): string {
  const [inKeras, inTfjs] = [keras ?? '–', tfjs ?? '–'];
  return l10n.t('layers[{0}] in TF.js, layers[{1}] in Keras', inTfjs, inKeras);
}

/** Parentheses would end the link. */
function showCommand({ address }: IndexedLayer, uri: Uri): string {
  const args: [AddressArgs] = [{ uri: uri.toString(), addresses: [address] }];
  const encoded = encodeURIComponent(JSON.stringify(args)).replace(
    /[()!'*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `command:${commands.previewLayer}?${encoded}`;
}
