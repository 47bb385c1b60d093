/** Help in the user's own programs: registers what VS Code asks while they are read and written. */
import { languages, type Disposable, type LogOutputChannel } from 'vscode';
import { codeLanguages } from '../../core/userCode/program';
import { Disposables } from '../disposables';
import { CodeModels } from './codeModels';
import { LayerCompletion } from './layerCompletion';
import { LayerDiagnostics } from './layerDiagnostics';
import { LayerFixes } from './layerFixes';
import { LayerHints } from './layerHints';
import { LayerHover } from './layerHover';
import { ModelLayersCache } from './modelLayers';
import { ModelLenses } from './modelLenses';

/** Starts nothing until a program that loads a model is looked at. */
export class CodeHelp implements Disposable {
  private readonly disposables = new Disposables();

  constructor(services: { engineEntry: string; log: LogOutputChannel }) {
    const cache = this.disposables.add(new ModelLayersCache(services));
    const models = this.disposables.add(new CodeModels(cache));
    // without a scheme: cells of notebooks and new documents, too
    const programs = codeLanguages.map((language) => ({ language }));
    const completion = new LayerCompletion(models);
    this.disposables.add(languages.registerCompletionItemProvider(programs, completion, "'", '"', '`'));
    this.disposables.add(languages.registerHoverProvider(programs, new LayerHover(models)));
    this.disposables.add(languages.registerInlayHintsProvider(programs, new LayerHints(models)));
    this.disposables.add(languages.registerCodeLensProvider(programs, new ModelLenses(models)));
    this.disposables.add(languages.registerCodeActionsProvider(programs, new LayerFixes(models), LayerFixes.metadata));
    this.disposables.add(new LayerDiagnostics(models));
  }

  dispose(): void {
    this.disposables.dispose();
  }
}
