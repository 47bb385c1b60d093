/** Whether the model file is one that plain TF.js loads and computes as its author saw it. */
import type { LayerGraph } from '../model/layerGraph';
import { lacksOfTfjs } from './customLayers';
import { callIndices } from '../slicing/callOrder';
import { kerasMajor } from '../model/kerasMajor';
import { sliceModel } from '../slicing/sliceModel';
import type { ModelFile } from '../model/modelFile';

/** It takes planning the whole model, which does not change. */
const known = new WeakMap<ModelFile, { problem: string | null }>();

/** Why plain TF.js cannot use the file as it is, as the end of a sentence; null when it can. */
export function plainFileProblem(model: ModelFile): string | null {
  const found = known.get(model) ?? { problem: findProblem(model) };
  known.set(model, found);
  return found.problem;
}

function findProblem(model: ModelFile): string | null {
  if (model.format !== 'layers-model') return 'it is not in the format of TF.js';
  if (model.problems.some(({ code }) => code === 'byte-order-mark')) return 'it begins with a byte order mark';
  if (model.problems.some(({ code }) => code === 'extra-weight')) return 'it holds weights that no layer uses';
  if (model.problems.some(({ severity }) => severity === 'error')) return 'it is not whole';
  if (model.repairs.length > 0) {
    return kerasMajor(model) === 3 ? 'it is written in the way of Keras 3' : 'its topology needs repairs';
  }
  const whole = sliceModel(model, { outputs: [], inputs: [] });
  const [lack] = lacksOfTfjs(model, whole.plan);
  if (lack) return lack.reason;
  const changed = whole.plan.notes.find(
    ({ address, message }) => !message.startsWith(`${address ?? ''} keeps its states`),
  );
  if (changed) return `TF.js would read it differently: ${changed.message.replace(/\.$/, '')}`;
  if (!keepsCallOrder(model.graph)) return 'TF.js would mix up the calls of its reused layers';
  const misnamed = whole.weights.some(({ name, entry }) => !isFoundAs(model.weightEntries[entry]?.name ?? '', name));
  return misnamed ? 'its weights have names that TF.js does not look for' : null;
}

/** Whether TF.js numbers the calls of reused layers as the file does. */
export function keepsCallOrder(graph: LayerGraph): boolean {
  const open = [graph];
  for (let next = open.pop(); next; next = open.pop()) {
    const { layers, inputs } = next;
    const calls = layers.flatMap((layer, number) => layer.calls.map((call, index) => ({ layer, call, number, index })));
    const numbers = new Map(calls.map(({ layer, index }, i) => [`${index}:${layer.name}`, i]));
    const isInput = new Set(inputs.map(({ layer }) => layer));
    const ordered = calls.map(({ call, number }) => ({
      layer: number,
      reads: call.inputs.flatMap((ref) =>
        isInput.has(ref.layer) ? [] : (numbers.get(`${ref.call}:${ref.layer}`) ?? []),
      ),
    }));
    const indices = callIndices(ordered, layers.length);
    if (!indices || calls.some(({ index }, i) => indices[i] !== index)) return false;
    for (const layer of layers) if (layer.graph) open.push(layer.graph);
  }
  return true;
}

/** TF.js finds `lstm/lstm_cell/kernel` as `lstm/kernel`, too. */
function isFoundAs(stored: string, wanted: string): boolean {
  if (stored === wanted) return true;
  const parts = stored.split('/');
  return [...parts.slice(0, -2), ...parts.slice(-1)].join('/') === wanted;
}
