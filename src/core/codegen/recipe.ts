/** The ways of writing code: what each is for. How each is written stands in a table for each language. */
import type { CodeSnippet } from './codeSnippet';
import type { CodeTask } from './codeTask';

export type CodeLanguage = 'typescript' | 'python';
export const codeLanguages: readonly CodeLanguage[] = ['typescript', 'python'];

export type RecipeId =
  | 'functional-by-name'
  | 'functional-by-index'
  | 'multi-output'
  | 'sequential-prefix'
  | 'sequential-range'
  | 'iterate-layers'
  | 'identity-tap'
  | 'training-callback'
  | 'one-liner'
  | 'nested'
  | 'before-after-batchnorm'
  | 'layer-attribute'
  | 'middle-segment'
  | 'independent-copy'
  | 'load-slice'
  | 'layer-functional'
  | 'layer-subclass'
  | 'layer-sequential'
  | 'layer-frozen'
  | 'layer-lambda';

export interface Recipe {
  id: RecipeId;
  /** `layer`: the model becomes a layer of a new one. */
  kind: 'extraction' | 'layer';
  title: string;
  /** When to use it, in a sentence or two. */
  when: string;
  /** What it costs: memory, time, what is built. */
  costs: string;
  /** `shared`: changing a weight here changes the model's. `copied`: it does not. `frozen`: shared, and training leaves them alone. */
  weights: 'shared' | 'copied' | 'frozen';
}

/** One recipe in one language. */
export interface RecipeWriter {
  /** Why it does not fit this model or cut, as the end of a sentence; null where it fits. */
  whyNot(task: CodeTask): string | null;
  write(task: CodeTask): CodeSnippet;
}
