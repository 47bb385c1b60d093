/** Quick fixes for names and indices that the model does not have. */
import {
  CodeAction,
  CodeActionKind,
  l10n,
  WorkspaceEdit,
  type CancellationToken,
  type CodeActionContext,
  type CodeActionProvider,
  type Diagnostic,
  type Range,
  type TextDocument,
} from 'vscode';
import { plainText } from '../../core/messageText';
import { nearestNames } from '../../core/userCode/layerIndex';
import type { LayerUse } from '../../core/userCode/programModels';
import { encodeText } from '../../core/userCode/stringLiterals';
import type { CodeModels } from './codeModels';
import { DIAGNOSTIC_SOURCE } from './layerDiagnostics';
import { useAt } from './useAt';
import type { DocumentModels } from './userPrograms';

export class LayerFixes implements CodeActionProvider {
  static readonly metadata = { providedCodeActionKinds: [CodeActionKind.QuickFix] };

  constructor(private readonly models: CodeModels) {}

  async provideCodeActions(
    document: TextDocument,
    _range: Range,
    { diagnostics }: CodeActionContext,
    token: CancellationToken,
  ): Promise<CodeAction[]> {
    const ours = diagnostics.filter(({ source }) => source === DIAGNOSTIC_SOURCE);
    const program = ours.length > 0 ? await this.models.modelsIn(document) : null;
    if (!program || token.isCancellationRequested) return [];
    const actions = await Promise.all(ours.map((diagnostic) => this.fixes(diagnostic, program)));
    return actions.flat();
  }

  private async fixes(diagnostic: Diagnostic, program: DocumentModels): Promise<CodeAction[]> {
    const use = useAt(program, diagnostic.range.start);
    // the text may have changed since
    if (!use || !program.rangeOf(use).isEqual(diagnostic.range)) return [];
    const named = await this.models.found(use, program);
    if (!named) return [];
    const { found, counting } = named;
    const { literal } = use;
    if (found.kind === 'unknown-layer' && literal) {
      return nearestNames(found.list, found.name, counting).map((name, i) =>
        fix(l10n.t('Change to "{0}"', plainText(name)), encodeText(name, literal.quote, program.language), i === 0, {
          diagnostic,
          program,
          use,
        }),
      );
    }
    if (found.kind === 'out-of-range') {
      const last = found.list.listed[counting].length - 1;
      const name = plainText(found.list.listed[counting].at(-1)?.name ?? '');
      return [fix(l10n.t('Change to {0}, "{1}"', last, name), String(last), false, { diagnostic, program, use })];
    }
    return [];
  }
}

function fix(
  title: string,
  text: string,
  isPreferred: boolean,
  { diagnostic, program, use }: { diagnostic: Diagnostic; program: DocumentModels; use: LayerUse },
): CodeAction {
  const action = new CodeAction(title, CodeActionKind.QuickFix);
  action.edit = new WorkspaceEdit();
  action.edit.replace(program.document.uri, program.rangeOf(use), text);
  action.diagnostics = [diagnostic];
  action.isPreferred = isPreferred;
  return action;
}
