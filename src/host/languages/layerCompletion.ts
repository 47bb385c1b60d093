/** Names of layers inside `getLayer('…')` and `get_layer("…")`. */
import {
  CompletionItem,
  CompletionItemKind,
  CompletionList,
  Range,
  type CancellationToken,
  type CompletionItemProvider,
  type Position,
  type TextDocument,
  type Uri,
} from 'vscode';
import { plainText } from '../../core/messageText';
import { layerChoices } from '../../core/userCode/layerChoices';
import { listAt, type IndexedLayer } from '../../core/userCode/layerIndex';
import { outputShapes } from '../../core/userCode/layerText';
import type { ProgramLanguage, Quote } from '../../core/userCode/program';
import { encodeText } from '../../core/userCode/stringLiterals';
import { countingOf, type CodeModels } from './codeModels';
import { layerMarkdown } from './layerMarkdown';
import { useAt } from './useAt';

class LayerItem extends CompletionItem {
  constructor(
    readonly layer: IndexedLayer,
    readonly model: Uri,
    readonly language: ProgramLanguage,
    { range, quote, order }: { range: Range; quote: Quote; order: number },
  ) {
    const name = plainText(layer.name);
    super(
      { label: name, description: `${layer.className} ${outputShapes(layer, language)}` },
      CompletionItemKind.Value,
    );
    const written = encodeText(layer.name, quote, language);
    if (written !== name) {
      this.insertText = written;
      this.filterText = written;
    }
    this.range = range;
    this.sortText = String(order).padStart(6, '0');
  }
}

export class LayerCompletion implements CompletionItemProvider<CompletionItem> {
  constructor(private readonly models: CodeModels) {}

  async provideCompletionItems(
    document: TextDocument,
    position: Position,
    token: CancellationToken,
  ): Promise<CompletionList | null> {
    const program = await this.models.modelsIn(document);
    const use = program && useAt(program, position);
    if (!program || !use?.literal || token.isCancellationRequested) return null;
    const file = await this.models.layersOf(use.load, program);
    if (token.isCancellationRequested || file?.layers.kind !== 'layers' || !file.layers.list) return null;
    const counting = countingOf(program.language);
    const list = listAt(file.layers.list, use.steps.slice(0, -1), counting);
    if (!list) return null;
    const content = program.rangeOf(use);
    if (!content.isSingleLine) return null;
    // what follows in the line is no part of a string that is still open
    const range = use.literal.closed ? content : new Range(content.start, position);
    const typed = document.getText(new Range(content.start, position));
    const { layers, incomplete } = layerChoices(list, counting, typed);
    const { quote } = use.literal;
    const items = layers.map(
      (layer, order) => new LayerItem(layer, file.uri, program.language, { range, quote, order }),
    );
    return new CompletionList(items, incomplete);
  }

  resolveCompletionItem(item: CompletionItem): CompletionItem {
    if (item instanceof LayerItem) item.documentation = layerMarkdown(item.layer, item.model, item.language);
    return item;
  }
}
