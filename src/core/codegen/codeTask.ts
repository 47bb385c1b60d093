/** Everything that a recipe knows. */
import type { Head } from '../composing/composition';
import type { ModelFile } from '../model/modelFile';
import type { Preprocessing } from '../model/preprocessing';
import type { SlicePlan } from '../slicing/slice';

export interface CodeOptions {
  /** Where the user's TypeScript gets TF.js from: their package.json says it. `browser`: models come by URL. */
  runtime: 'tfjs' | 'tfjs-node' | 'browser';
  /** How pictures were prepared for the preview, by the input's name; none: the code takes tensors. */
  preparation: Readonly<Record<string, Preprocessing>>;
  /** What stands behind a model that is a layer; default: averages, and a dense layer for classes. */
  head?: Head;
}

export const defaultCodeOptions: CodeOptions = { runtime: 'tfjs', preparation: {} };

export interface CodeTask {
  model: ModelFile;
  /** Of the cut, which is closed. */
  plan: SlicePlan;
  /** As the code will say it. */
  modelPath: string;
  /** Why TypeScript cannot load the file itself: then it loads a saved slice. */
  fileProblem: string | null;
  /** Why TypeScript needs a saved slice for this cut of a file that TF.js loads; a sentence. */
  needsSlice?: string;
  options: CodeOptions;
}
