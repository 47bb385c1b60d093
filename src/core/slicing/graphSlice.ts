/** Cut → slice of a graph-model: nodes as they stand in the file, new inputs as placeholders, functions and weights. */
import { arrayField, field, objectField, textField } from '../formats/jsonField';
import type { InspectTensor, ParamCounts } from '../model/inspectDocument';
import type { JsonObject } from '../model/json';
import type { ModelFile } from '../model/modelFile';
import { libraryFunctions, neededFunctions } from './graphFunctions';
import { isHandle, isPlaceholder, nodeList, readsTable } from './graphNodes';
import { isCaptured, signaturePart } from './graphSignature';
import { tensorInfo, type OpenCall, type OpenTensor } from './openGraph';
import { refuseFrames } from './graphRefusals';
import type { CutTensor, ResolvedCut } from './resolveCut';
import type { GraphSlice, SlicePlan, SliceWeight } from './slice';
import { writeNodes } from './writeNodes';

/**
 * The slice of a cut that `resolveCut` resolved. Near-linear in the number of nodes.
 * @throws SlicerError `control-flow` where it would need a part of a TensorFlow 1 loop or branch,
 *   `unsupported` with `reason: 'cut-handle'` where a tensor is asked for that means nothing outside of its run.
 */
export function graphSlice(model: ModelFile, resolved: ResolvedCut): GraphSlice {
  const boundary = refuseFrames(resolved);
  const written = writeNodes(model, resolved);
  const { topology, graph } = model;
  const functions = neededFunctions(libraryFunctions(topology), written.kept);
  const signature = objectField(topology, 'signature');
  const captures = capturedInputs(signature, written.kept);
  const inFunctions = functions.flatMap((item) => nodeList(item, 'nodeDef'));
  const hasTables =
    Object.keys(captures).length > 0 ||
    [...written.kept, ...inFunctions].some((node) => readsTable(textField(node, 'op') ?? ''));
  const initializer = hasTables ? initializerOf(topology) : {};
  const names = [...written.kept, ...inFunctions, ...initializerNodes(initializer)].map((node) => field(node, 'name'));
  const weights = weightsNamed(model, new Set(names));
  const inputs = signaturePart('inputs', written.inputs, { own: graph.inputs, signature }, ({ name }) =>
    name.replace(/:0$/, ''),
  );
  const outputs = signaturePart('outputs', written.outputs, { own: graph.outputs, signature }, ({ tensor }) =>
    tensor.output === 0 ? tensor.from.layer.name : `${tensor.from.layer.name}:${tensor.output}`,
  );
  const calls = [...written.calls];
  const plan: SlicePlan = {
    cut: resolved.cut,
    format: 'graph-model',
    inputs: written.inputs.map(({ tensor, address }, i) => named(inputs.keys[i], address, tensor)),
    outputs: written.outputs.map(({ tensor, address }, i) => named(outputs.keys[i], address, tensor)),
    layers: written.addresses,
    params: countParams(calls),
    macs: null,
    weightBytes: weights.reduce((sum, { entry }) => sum + (model.weightEntries[entry]?.bytes ?? 0), 0),
    calls: calls.filter((call) => call.layer.className !== 'Const' && !isPlaceholder(call)).length,
    boundary,
    notExportable: [],
    notes: [...resolved.notes, ...written.notes, ...loopNotes(calls)],
  };
  const library = objectField(topology, 'library');
  return {
    format: 'graph-model',
    plan,
    modelTopology: {
      node: written.nodes,
      ...(library ? { library: functions.length > 0 ? { function: functions } : {} } : {}),
      // TF.js does not load a graph without
      versions: objectField(topology, 'versions') ?? {},
    },
    signature: { inputs: { ...inputs.part, ...captures }, outputs: outputs.part },
    initializer,
    structuredOutputKeys: structuredKeys(model, resolved.outputs),
    weights,
  };
}

function named(name: string | undefined, address: string, tensor: OpenTensor): InspectTensor {
  return { name: name ?? address, address, ...tensorInfo(tensor) };
}

/** TF.js 4.22 frees lists of tensors that a loop of functions still reads. */
function loopNotes(calls: readonly OpenCall[]): SlicePlan['notes'] {
  return calls
    .filter((call) => call.layer.className.endsWith('While') && call.outputs.some(isHandle))
    .map(({ address }) => ({
      address,
      message: `${address} is a loop over lists of tensors, which TensorFlow.js by itself runs only after tf.env().set('KEEP_INTERMEDIATE_TENSORS', true).`,
    }));
}

/** Tables among the signature's inputs whose placeholders are kept. */
function capturedInputs(signature: JsonObject | null, kept: readonly JsonObject[]): JsonObject {
  const entries = Object.entries((signature && objectField(signature, 'inputs')) ?? {}).filter(([, entry]) =>
    isCaptured(entry),
  );
  if (entries.length === 0) return {};
  const names = new Set(kept.map((node) => field(node, 'name')));
  return Object.fromEntries(
    entries.filter(
      ([, entry]) => isCaptured(entry) && names.has((textField(entry, 'name') ?? '').replace(/:\d+$/, '')),
    ),
  );
}

function initializerOf(topology: JsonObject): JsonObject {
  const found: JsonObject = {};
  for (const key of ['modelInitializer', 'initializerSignature']) {
    const value = objectField(topology, key);
    if (value) found[key] = value;
  }
  return found;
}

function initializerNodes(initializer: JsonObject): JsonObject[] {
  const graph = objectField(initializer, 'modelInitializer');
  return graph ? [...nodeList(graph), ...libraryFunctions(graph).flatMap((item) => nodeList(item, 'nodeDef'))] : [];
}

/** Entries of constants, in the order of the file: TF.js finds them by the names of nodes, also those in functions. */
function weightsNamed({ weightEntries }: ModelFile, names: ReadonlySet<unknown>): SliceWeight[] {
  return weightEntries.flatMap(({ name }, entry) => (names.has(name) ? [{ name, entry }] : []));
}

/** As `inspect` counts them: a graph-model's constants hold axes and sizes too, so only numbers with a fraction. */
function countParams(calls: readonly OpenCall[]): ParamCounts {
  let total = 0;
  for (const { layer } of calls) {
    for (const { shape, dtype } of layer.weights) {
      if (/float|complex/.test(dtype)) total += shape.reduce<number>((product, dim) => product * (dim ?? 0), 1);
    }
  }
  return { total, trainable: 0, nonTrainable: total };
}

/** The file's names for these outputs, where it has one for each. */
function structuredKeys({ metadata, graph }: ModelFile, outputs: readonly CutTensor[]): string[] | null {
  const keys = metadata && arrayField(metadata, 'structuredOutputKeys');
  if (!keys) return null;
  const place = (layer: string, output: number): string => `${output}:${layer}`;
  const places = [...new Set(graph.outputs.map(({ layer, output }) => place(layer, output)))];
  const found = outputs.map(({ tensor }) => keys[places.indexOf(place(tensor.from.layer.name, tensor.output))]);
  return found.every((key) => typeof key === 'string') ? found : null;
}
