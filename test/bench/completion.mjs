// Names of layers inside getLayer('…') and get_layer('…') of a long program, from a model of 10,000 layers: what the product does
// from the question of VS Code to its answer. The model is open; the program is read anew, as after each key.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';
import { at, cache, root } from '../../scripts/repository.mjs';
import { textDocument } from './fakeVscode.mjs';
import { median, rounded } from './stopwatch.mjs';

const LAYERS = 10_000;
const LINES = 1000;
const NAME = 'activation_';
/** Where the name is typed. */
const TYPED = '\0';

/**
 * @returns ms of the first question and the median of later ones; `unchanged`: the program is as it was; `silent`: it loads
 * no model.
 */
export async function measureCompletion({ runs }) {
  const { LayerCompletion, UserPrograms, layerIndex, inspectModel, openParsed, parseModelJson } = await product();
  const model = openParsed(parseModelJson(Buffer.from(longModel()), 'model.json'), []);
  const list = layerIndex(inspectModel(model));
  const programs = new UserPrograms();
  const completion = new LayerCompletion({
    modelsIn: (document) => programs.modelsIn(document),
    layersOf: () => Promise.resolve({ uri: null, layers: { kind: 'layers', list } }),
  });
  const token = { isCancellationRequested: false };
  /** The name is typed, again and again; each time that is one key more. */
  const measure = async (language, program, expected, edited = true) => {
    const document = textDocument(language);
    const [before, behind] = program.split(TYPED);
    const times = [];
    for (let i = 0; i < 10 + runs; i++) {
      const typed = edited ? NAME.slice(0, i % (NAME.length + 1)) : '';
      if (edited || i === 0) document.edit(before + typed + behind);
      const position = document.positionAt(before.length + typed.length);
      const start = performance.now();
      const answer = await completion.provideCompletionItems(document, position, token);
      times.push(performance.now() - start);
      if ((answer?.items.length ?? 0) !== expected) throw new Error(`${answer?.items.length} names in ${language}`);
    }
    return { firstMs: rounded(times[0]), ms: rounded(median(times.slice(10))) };
  };
  const typescript = typescriptProgram('model.getLayer(');
  const python = pythonProgram('model.get_layer(');
  const silent = typescript.replaceAll('loadLayersModel', 'loadMap');
  return {
    layers: LAYERS,
    lines: LINES,
    typescript: await measure('typescript', typescript, 1000),
    python: await measure('python', python, 1000),
    unchanged: await measure('typescript', typescript, 1000, false),
    silent: await measure('typescript', silent, 0),
  };
}

/** The product's own provider, with a stand-in for VS Code. */
async function product() {
  const outfile = path.join(cache, 'typescript', 'completion.mjs');
  await esbuild.build({
    stdin: {
      contents: [
        "export { LayerCompletion } from './src/host/languages/layerCompletion';",
        "export { UserPrograms } from './src/host/languages/userPrograms';",
        "export { layerIndex } from './src/core/userCode/layerIndex';",
        "export { inspectModel } from './src/core/model/inspect';",
        "export { openParsed, parseModelJson } from './src/core/formats/openModelJson';",
      ].join('\n'),
      resolveDir: root,
      loader: 'ts',
    },
    outfile,
    alias: { vscode: at('test', 'bench', 'fakeVscode.mjs') },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
  });
  return import(pathToFileURL(outfile).href);
}

function longModel() {
  const layers = [
    { class_name: 'InputLayer', config: { name: 'in', batch_input_shape: [null, 8, 8, 2], dtype: 'float32' } },
    ...Array.from({ length: LAYERS - 1 }, (_, i) => ({
      class_name: 'Activation',
      config: { name: `activation_${i}`, activation: 'relu' },
    })),
  ];
  const modelTopology = {
    keras_version: '2.15.0',
    backend: 'tensorflow',
    model_config: { class_name: 'Sequential', config: { name: 'long', layers } },
  };
  return JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest: [] });
}

/** The call stands in the middle, its string still open. */
function typescriptProgram(call) {
  const rest = Array.from(
    { length: LINES / 10 },
    (_, i) => `
export async function step${i}(images: tf.Tensor4D[], label = 'step ${i}'): Promise<number[]> {
  const results: number[] = [];
  for (const [index, image] of images.entries()) {
    const scaled = tf.tidy(() => image.div(255).sub([0.5, 0.5, 0.5]).mul(index + ${i}));
    if (scaled.shape[0] !== 1) throw new Error(\`\${label}: \${scaled.shape.join()}\`);
    results.push(...(await scaled.sum().data()));
  }
  return results.filter((value) => !Number.isNaN(value));
}`,
  );
  const half = rest.length / 2;
  const use = `export const features = ${call}'${TYPED}\n`;
  const load = "import * as tf from '@tensorflow/tfjs';\nconst model = await tf.loadLayersModel('long/model.json');\n";
  return [load, ...rest.slice(0, half), use, ...rest.slice(half)].join('\n');
}

function pythonProgram(call) {
  const rest = Array.from(
    { length: LINES / 10 },
    (_, i) => `
def step_${i}(images, label="step ${i}"):
    """What step ${i} makes of the images."""
    results = []
    for index, image in enumerate(images):
        scaled = (image / 255 - 0.5) * (index + ${i})
        if scaled.shape[0] != 1:
            raise ValueError(f"{label}: {scaled.shape}")
        results.append({"sum": scaled.sum(), "label": label})
    return [value for value in results if value["sum"] > 0]`,
  );
  const half = rest.length / 2;
  const load = 'import keras\n# model: long/model.json\nmodel = keras.models.load_model(path)\n';
  return [load, ...rest.slice(0, half), `features = ${call}'${TYPED}\n`, ...rest.slice(half)].join('\n');
}
