/** Behind `model.layers[4]`: the name of the layer that this index really is. */
import {
  InlayHint,
  type CancellationToken,
  type Event,
  type InlayHintsProvider,
  type Range,
  type TextDocument,
} from 'vscode';
import { plainText } from '../../core/messageText';
import type { CodeModels } from './codeModels';
import { layerMarkdown } from './layerMarkdown';

export class LayerHints implements InlayHintsProvider {
  readonly onDidChangeInlayHints: Event<void>;

  constructor(private readonly models: CodeModels) {
    this.onDidChangeInlayHints = models.onDidChange;
  }

  async provideInlayHints(document: TextDocument, range: Range, token: CancellationToken): Promise<InlayHint[]> {
    const program = await this.models.modelsIn(document);
    if (!program) return [];
    const hints: InlayHint[] = [];
    for (const use of program.uses) {
      const { end } = program.rangeOf({ from: use.from, to: use.end });
      if (use.literal || use.load.changed || !range.contains(end)) continue;
      const named = await this.models.found(use, program);
      if (token.isCancellationRequested) return [];
      if (named?.found.kind !== 'layer') continue;
      const hint = new InlayHint(end, plainText(named.found.layer.name));
      hint.paddingLeft = true;
      hint.tooltip = layerMarkdown(named.found.layer, named.uri, program.language);
      hints.push(hint);
    }
    return hints;
  }
}
