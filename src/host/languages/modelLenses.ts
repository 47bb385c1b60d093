/** "Open in Model Slicer" above each line that loads a model. */
import { CodeLens, l10n, type CancellationToken, type CodeLensProvider, type Event, type TextDocument } from 'vscode';
import { commands, type ModelArgs } from '../contributions';
import type { CodeModels } from './codeModels';

export class ModelLenses implements CodeLensProvider {
  readonly onDidChangeCodeLenses: Event<void>;

  constructor(private readonly models: CodeModels) {
    this.onDidChangeCodeLenses = models.onDidChange;
  }

  async provideCodeLenses(document: TextDocument, token: CancellationToken): Promise<CodeLens[]> {
    const program = await this.models.modelsIn(document);
    const lenses: CodeLens[] = [];
    if (!program) return [];
    for (const load of program.loads) {
      const uri = await this.models.fileOf(load, program);
      if (token.isCancellationRequested) return [];
      if (!uri) continue;
      const args: ModelArgs = { uri: uri.toString() };
      const title = l10n.t('Open in Model Slicer');
      lenses.push(new CodeLens(program.rangeOf(load), { title, command: commands.open, arguments: [args] }));
    }
    return lenses;
  }
}
