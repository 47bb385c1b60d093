/** The nodes of a graph slice, in the order of the file: kept ones as they are, placeholders for what comes from outside. */
import { arrayField } from '../formats/jsonField';
import { dtypeProto, shapeProto } from '../formats/graphShapes';
import type { JsonObject, JsonValue } from '../model/json';
import type { ModelFile } from '../model/modelFile';
import { addControlSources, addWithSources, computableCalls } from './graphControl';
import { controlInputs, isPlaceholder, nodeList } from './graphNodes';
import { fresh, type GraphPort } from './graphSignature';
import { openAddress, tensorInfo, type OpenCall, type OpenTensor } from './openGraph';
import type { ResolvedCut } from './resolveCut';
import type { SlicePlan } from './slice';

export interface WrittenNodes {
  nodes: JsonObject[];
  /** Those of the file among them. */
  kept: JsonObject[];
  /** Their calls, inputs left out, and the addresses of all of them, in the order of the file. */
  calls: ReadonlySet<OpenCall>;
  addresses: string[];
  inputs: GraphPort[];
  outputs: GraphPort[];
  notes: SlicePlan['notes'];
}

export function writeNodes(model: ModelFile, resolved: ResolvedCut): WrittenNodes {
  const { opened } = resolved;
  const given = [
    ...resolved.supplied,
    ...resolved.modelInputs.map((tensor) => ({ address: openAddress(tensor), tensor })),
  ];
  const nodes = nodeList(model.topology);
  const jsonOf = new Map(model.graph.layers.map(({ name }, i) => [name, nodes[i]]));
  const callOf = new Map(opened.calls.map((call) => [call.layer.name, call]));
  const { kept, own } = keptCalls(resolved, jsonOf, callOf);
  const taken = new Set<string | null>([...jsonOf.keys(), ...model.weightEntries.map(({ name }) => name)]);

  // the node that holds a tensor that comes from outside
  const holders = new Map<OpenTensor, string>();
  const added = new Map<OpenCall, JsonObject[]>();
  for (const { tensor } of [...given].sort((a, b) => a.tensor.output - b.tensor.output)) {
    const { from, output } = tensor;
    const isFree = output === 0 && !kept.has(from);
    const name = own.has(from) || isFree ? from.layer.name : fresh(`${from.layer.name}/output_${output}`, taken);
    holders.set(tensor, name);
    if (!own.has(from)) added.set(from, [...(added.get(from) ?? []), placeholder(name, tensor)]);
  }
  const names = new Set([...[...kept, ...own].map(({ layer }) => layer.name), ...holders.values()]);

  const written: JsonObject[] = [];
  const keptNodes: JsonObject[] = [];
  const addresses: string[] = [];
  const lost: string[] = [];
  for (const { name } of model.graph.layers) {
    const call = callOf.get(name);
    const node = jsonOf.get(name);
    if (!call || !node) continue;
    written.push(...(added.get(call) ?? []));
    if (!kept.has(call) && !own.has(call)) continue;
    const { changed, without } = connected(node, call, holders, names);
    if (without > 0) lost.push(call.address);
    written.push(changed);
    keptNodes.push(node);
    addresses.push(call.address);
  }

  const notes: SlicePlan['notes'] = [];
  const [first] = lost;
  if (first !== undefined) {
    const others = lost.length > 1 ? ` (${lost.length} nodes in all)` : '';
    const message = `${first} no longer waits for nodes that are not in the slice${others}.`;
    notes.push({ address: first, message });
  }
  const usedNodes = new Set(holders.values());
  const outputs = resolved.outputs.map(({ address, tensor }): GraphPort => {
    const { from, output } = tensor;
    const holder = holders.get(tensor);
    const node = holder ?? from.layer.name;
    const index = holder === undefined ? output : 0;
    if (!usedNodes.has(node)) {
      usedNodes.add(node);
      return { tensor, address, name: `${node}:${index}` };
    }
    // TF.js names inputs and outputs by their nodes: of two on one node it would hand out one twice
    const copy = fresh(`${from.layer.name}/output_${output}`, taken);
    written.push(identity(copy, index === 0 ? node : `${node}:${index}`, tensor));
    const message = `${address} is handed out by a node Identity of its own, because TensorFlow.js tells outputs apart by their nodes.`;
    notes.push({ address, message });
    return { tensor, address, name: `${copy}:0` };
  });
  const inputs = given.map(({ address, tensor }) => ({ tensor, address, name: `${holders.get(tensor) ?? ''}:0` }));
  return { nodes: written, kept: keptNodes, calls: kept, addresses, inputs, outputs, notes };
}

/** The calls to compute, and the model's own placeholders that stay. */
function keptCalls(
  { opened, calls, supplied, modelInputs }: ResolvedCut,
  jsonOf: ReadonlyMap<string, JsonObject | undefined>,
  callOf: ReadonlyMap<string, OpenCall>,
): { kept: Set<OpenCall>; own: Set<OpenCall> } {
  const given = new Set([...supplied.map(({ tensor }) => tensor), ...modelInputs]);
  const kept = new Set(calls);
  const own = new Set<OpenCall>();
  const computable = computableCalls(opened, given);
  for (const { from, output } of given) {
    if (!isPlaceholder(from) || output !== 0) continue;
    // those with a default read it
    const defaults = from.call.inputs.flatMap(({ layer }) => callOf.get(layer) ?? []);
    if (!defaults.every((call) => computable.has(call))) continue;
    own.add(from);
    kept.delete(from);
    for (const call of defaults) addWithSources(call, kept, given);
  }
  const sourcesOf = (call: OpenCall): OpenCall[] =>
    controlInputs(jsonOf.get(call.layer.name) ?? {}).flatMap((name) => callOf.get(name) ?? []);
  addControlSources(kept, given, computable, sourcesOf);
  return { kept, own };
}

/**
 * The node with its inputs named as they are called in the slice: itself, where none is called otherwise.
 * @param without how many control inputs went with nodes that are not in the slice.
 */
function connected(
  node: JsonObject,
  call: OpenCall,
  holders: ReadonlyMap<OpenTensor, string>,
  names: ReadonlySet<string>,
): { changed: JsonObject; without: number } {
  const inputs = arrayField(node, 'input') ?? [];
  let position = 0;
  const renamed = inputs.flatMap((input): JsonValue[] => {
    if (typeof input !== 'string') return [input];
    if (input.startsWith('^')) return names.has(input.slice(1)) ? [input] : [];
    const tensor = call.inputs[position];
    position += 1;
    const holder = tensor && holders.get(tensor);
    return [holder !== undefined && holder !== tensor?.from.layer.name ? holder : input];
  });
  const isSame = renamed.length === inputs.length && renamed.every((input, i) => input === inputs[i]);
  return { changed: isSame ? node : { ...node, input: renamed }, without: inputs.length - renamed.length };
}

function placeholder(name: string, tensor: OpenTensor): JsonObject {
  const { shape, dtype } = tensorInfo(tensor);
  const type = dtypeProto(dtype);
  return {
    name,
    op: 'Placeholder',
    attr: { ...(type === null ? {} : { dtype: { type } }), shape: { shape: shapeProto(shape) } },
  };
}

function identity(name: string, input: string, tensor: OpenTensor): JsonObject {
  const type = dtypeProto(tensorInfo(tensor).dtype);
  return { name, op: 'Identity', input: [input], attr: type === null ? {} : { T: { type } } };
}
