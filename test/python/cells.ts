/** Recipe × model × cut in Python: the code of each cell that is offered, or why it is not. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { RecipeId } from '../../src/core/codegen/recipe';
import { fitRecipe, recipes } from '../../src/core/codegen/recipes';
import { aroundNorm } from '../../src/core/codegen/recipes/python/layerValues';
import { resolveAddress } from '../../src/core/model/address';
import type { ModelFile } from '../../src/core/model/modelFile';
import { planCut } from '../../src/core/slicing/sliceModel';
import type { Cut } from '../../src/core/slicing/slice';
import { caseModels, cutsOf } from '../unit/core/codegen/recipeCases';
import { openFixture } from '../unit/core/formats/openFixture';

export interface Cell {
  model: string;
  recipe: RecipeId;
  cut: Cut;
  /** Why the recipe is not offered; null where `text` is. */
  why: string | null;
  text: string;
  /** Keras's file, what Keras says of it, and its folder. */
  keras: string;
  golden: string;
  inputs: { address: string; shape: (number | null)[] | null; dtype: string | null }[];
  outputs: string[];
  /** Inputs of the whole model, in the file's order. */
  parentInputs: string[];
  /** What before-after-batchnorm compares. */
  around: { before: string; after: string } | null;
  /** Layers with their place in `model.layers`. */
  layers: { path: string[]; index: number | null }[];
  /** The folder of the model file, where the commands that the code speaks of are run. */
  folder: string;
}

/** @param folders of the fixtures, and of the Keras files that are not among them. */
export function pythonCells(folders: { fixtures: string; kerasFiles: string }, only: string | null = null): Cell[] {
  return Object.entries(caseModels)
    .filter(([name]) => only === null || name.includes(only))
    .flatMap(([name, { cuts }]) => {
      const folder = path.join(folders.fixtures, name);
      const keras = [path.join(folder, 'model.keras'), path.join(folders.kerasFiles, `${name}.keras`)].find(existsSync);
      const format = ['tfjs-keras3', 'tfjs-keras2-h5'].find((one) => existsSync(path.join(folder, one)));
      if (keras === undefined || format === undefined) return [];
      const file = openFixture(folder, format);
      // Keras 2 names layers in its own way
      const golden = path.join(folder, 'golden.json');
      return cutsOf(file, cuts).flatMap((cut) =>
        cellsOf(name, file, cut, { keras, golden, folder: path.join(folder, format) }),
      );
    });
}

function cellsOf(
  name: string,
  model: ModelFile,
  cut: Cut,
  files: { keras: string; golden: string; folder: string },
): Cell[] {
  const plan = planCut(model, cut);
  const plain = (address: string): string => address.replace(/\\(.)/gsu, '$1');
  const shared = {
    model: name,
    cut,
    ...files,
    inputs: plan.inputs.map(({ address, shape, dtype }) => ({
      address: plain(address),
      shape: shape ? [...shape] : null,
      dtype,
    })),
    outputs: plan.outputs.map(({ address }) => plain(address)),
    parentInputs: model.graph.inputs.map(({ layer }) => layer),
    layers: plan.layers.map((address) => {
      const { path: steps, layer } = resolveAddress(model.graph, address);
      return { path: steps.map((step) => step.name), index: layer.index.keras };
    }),
  };
  return recipes.map(({ id }) => {
    const fit = fitRecipe(model, cut, { recipe: id, language: 'python', modelPath: 'model.json' });
    if (!fit.fits) return { ...shared, recipe: id, why: fit.why, text: '', around: null };
    const around = id === 'before-after-batchnorm' ? aroundNorm(fit.task) : null;
    const { text } = fit.writer.write(fit.task);
    return {
      ...shared,
      recipe: id,
      why: null,
      text,
      around: around && !('why' in around) ? { before: plain(around.before), after: plain(around.after) } : null,
    };
  });
}
