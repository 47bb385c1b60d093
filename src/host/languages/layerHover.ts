/** Class, shape and parameters of the layer that a name or an index in code stands for. */
import { Hover, type CancellationToken, type HoverProvider, type Position, type TextDocument } from 'vscode';
import type { CodeModels } from './codeModels';
import { layerMarkdown } from './layerMarkdown';
import { useAt } from './useAt';

export class LayerHover implements HoverProvider {
  constructor(private readonly models: CodeModels) {}

  async provideHover(document: TextDocument, position: Position, token: CancellationToken): Promise<Hover | null> {
    const program = await this.models.modelsIn(document);
    const use = program && useAt(program, position);
    if (!program || !use || token.isCancellationRequested) return null;
    // which layer an index is, is not known once the program changed the list
    if (use.load.changed && !use.literal) return null;
    const named = await this.models.found(use, program);
    if (named?.found.kind !== 'layer') return null;
    return new Hover(layerMarkdown(named.found.layer, named.uri, program.language), program.rangeOf(use));
  }
}
