// Writing one snippet: fit and text, for each recipe and language, from a model that is open.
import fs from 'node:fs';
import path from 'node:path';
import { importTypeScript } from '../../scripts/importTypeScript.mjs';
import { at } from '../../scripts/repository.mjs';
import { median, rounded } from './stopwatch.mjs';

/** The fixture with the most layers of those that TF.js computes. */
const FIXTURE = {
  name: 'unet-small',
  file: at('test/fixtures/keras/unet-small/tfjs-keras2-h5/model.json'),
};

/**
 * @param models further model files by name.
 * @returns by model: the slowest recipe of each language, and how many were offered; the first snippet of an opened model beside it.
 */
export async function measureSnippets(models, { runs }) {
  const result = {};
  for (const [name, file] of Object.entries({ [FIXTURE.name]: FIXTURE.file, ...models }))
    result[name] = await measureModel(file, runs);
  return result;
}

async function measureModel(file, runs) {
  const { openParsed, parseModelJson } = await importTypeScript('src/core/formats/openModelJson.ts');
  const { fitRecipe, recipes } = await importTypeScript('src/core/codegen/recipes.ts');
  const open = () => {
    const parsed = parseModelJson(fs.readFileSync(file), 'model.json');
    const size = (shard) => fs.statSync(path.join(path.dirname(file), shard)).size;
    return openParsed(
      parsed,
      parsed.shardPaths.map((shard) => ({ path: shard, size: size(shard) })),
    );
  };
  const model = open();
  const layers = model.graph.layers.filter(({ graph, calls }) => graph === null && calls.length === 1);
  const middle = layers[Math.floor(layers.length / 2)].name;
  const last = layers.at(-1).name;
  const norm = layers.findLast(({ className }) => className === 'BatchNormalization')?.name ?? middle;
  const cuts = [[middle], [middle, last], [norm], [last]].map((outputs) => ({ outputs, inputs: [] }));
  cuts.push({ outputs: [], inputs: [middle] }, { outputs: [], inputs: [] });
  const request = { recipe: 'functional-by-name', language: 'typescript' };
  const fitting = cuts.find((one) => planned(fitRecipe, model, one, request)?.fits);
  const fresh = open();
  const first = timed(() => write(fitRecipe(fresh, fitting, request)));
  const slowest = {};
  for (const language of ['typescript', 'python']) {
    const times = recipes.flatMap(({ id: recipe }) => {
      const cut = cuts.find((one) => planned(fitRecipe, model, one, { recipe, language })?.fits);
      if (!cut) return [];
      const one = () => write(fitRecipe(model, cut, { recipe, language }));
      one();
      return [{ recipe, ms: median(Array.from({ length: runs }, () => timed(one))) }];
    });
    const worst = times.reduce((a, b) => (b.ms > a.ms ? b : a));
    slowest[language] = { recipe: worst.recipe, ms: rounded(worst.ms), offered: times.length };
  }
  return { layers: model.graph.layers.length, firstMs: rounded(first), slowest };
}

/** A cut that a model cannot have is not one to be measured. */
function planned(fitRecipe, model, cut, request) {
  try {
    return fitRecipe(model, cut, request);
  } catch {
    return null;
  }
}

function write(fit) {
  return fit.writer.write(fit.task).text;
}

function timed(work) {
  const start = performance.now();
  work();
  return performance.now() - start;
}
