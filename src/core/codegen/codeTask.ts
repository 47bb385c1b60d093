/** Everything that a recipe knows. */
import type { ModelFile } from '../model/modelFile';
import type { Preprocessing } from '../model/preprocessing';
import type { SlicePlan } from '../slicing/slice';

export interface CodeOptions {
  /** Where the user's TypeScript gets TF.js from: their package.json says it. `browser`: models come by URL. */
  runtime: 'tfjs' | 'tfjs-node' | 'browser';
  /** How pictures were prepared for the preview, by the input's name; none: the code takes tensors. */
  preparation: Readonly<Record<string, Preprocessing>>;
}

export const defaultCodeOptions: CodeOptions = { runtime: 'tfjs', preparation: {} };

export interface CodeTask {
  model: ModelFile;
  /** Of the cut, which is closed. */
  plan: SlicePlan;
  /** As the code will say it. */
  modelPath: string;
  /** Why plain TF.js cannot load the file itself: then TypeScript loads a saved slice. */
  fileProblem: string | null;
  options: CodeOptions;
}
