/** What a cut must know of a graph-model's nodes: where inputs, loops, branches and handles are. */
import type { JsonObject } from '../model/json';
import { isJsonObject } from '../model/json';
import { arrayField, field, objectField } from '../formats/jsonField';
import { dtypeName } from '../formats/graphShapes';
import type { OpenCall, OpenedGraph, OpenTensor } from './openGraph';

/** TensorFlow 1's control flow: such nodes work only together, frame by frame. */
const FRAMES = new Set([
  'Enter',
  'RefEnter',
  'Exit',
  'RefExit',
  'Switch',
  'RefSwitch',
  'Merge',
  'RefMerge',
  'NextIteration',
  'RefNextIteration',
  'LoopCond',
]);

export function isFrameNode({ layer }: OpenCall): boolean {
  return FRAMES.has(layer.className);
}

export function isPlaceholder({ layer }: OpenCall): boolean {
  return layer.className.startsWith('Placeholder');
}

/** A table that the model's initializer fills, captured as an input: nobody hands it in. */
export function isResource(call: OpenCall): boolean {
  return isPlaceholder(call) && dtypeName(field(objectField(call.layer.config, 'dtype') ?? {}, 'type')) === 'resource';
}

/** Whether an operation reads or makes a table, which only the model's initializer fills. */
export function readsTable(operation: string): boolean {
  return /^(Mutable|Anonymous)?(HashTable|LookupTable)/.test(operation);
}

/** Tables, lists and arrays of tensors: TF.js hands on a number by which it finds them again in the same run. */
const HANDLES =
  /^(EmptyTensorList|TensorList(Reserve|FromTensor|Scatter\w*|SetItem|PushBack\w*|ConcatLists|Resize|Split)|TensorListPopBack|TensorArray(V[23])?|(Mutable|Anonymous)?HashTable\w*|Optional\w+)$/;
/** Of these only the first output is a handle. */
const HANDLE_FIRST = new Set(['TensorListPopBack', 'TensorArray', 'TensorArrayV2', 'TensorArrayV3']);

/** Whether a tensor means nothing outside of its own run. */
export function isHandle({ from, output }: OpenTensor): boolean {
  const { className, config } = from.layer;
  if (HANDLES.test(className)) return output === 0 || !HANDLE_FIRST.has(className);
  if (isResource(from)) return true;
  const dtype = listedType(config, className, output) ?? from.call.outputs[output]?.dtype ?? null;
  if (dtype === 'resource' || dtype === 'variant') return true;
  // these hand on what they are given
  const source = className === 'Identity' || className === 'IdentityN' ? from.inputs[output] : undefined;
  return source !== undefined && HANDLES.test(source.from.layer.className) && isHandle(source);
}

/** Types that `While`, `If` and calls of functions list for their outputs. */
function listedType(config: JsonObject, className: string, output: number): string | null {
  if (!/(While|If|Case|PartitionedCall)$/.test(className)) return null;
  const key = className.endsWith('While') ? 'T' : 'Tout';
  const list = objectField(objectField(config, key) ?? {}, 'list');
  return list ? dtypeName((arrayField(list, 'type') ?? [])[output]) : null;
}

/**
 * How many loops and branches of TensorFlow 1 each node stands in, where it stands in any: its value differs from
 * round to round, or is not there at all.
 */
export function frameDepths({ calls }: OpenedGraph): Map<OpenCall, number> {
  const depths = new Map<OpenCall, number>();
  for (const call of calls) {
    const around = call.inputs.reduce((most, { from }) => Math.max(most, depths.get(from) ?? 0), 0);
    const depth = Math.max(0, around + step(call));
    if (depth > 0) depths.set(call, depth);
  }
  return depths;
}

function step({ layer: { className }, inputs }: OpenCall): number {
  const reads = (name: string): boolean => inputs.some(({ from }) => from.layer.className === name);
  switch (className.replace(/^Ref/, '')) {
    case 'Enter':
      return 1;
    case 'Exit':
      return -1;
    // a loop has them too, inside of its frame
    case 'Switch':
      return reads('LoopCond') ? 0 : 1;
    case 'Merge':
      return reads('Enter') || reads('NextIteration') ? 0 : -1;
    default:
      return 0;
  }
}

/** The node's sources that only order execution (`^name`), without the mark. */
export function controlInputs(node: JsonObject): string[] {
  return (arrayField(node, 'input') ?? []).flatMap((input) =>
    typeof input === 'string' && input.startsWith('^') ? [input.slice(1)] : [],
  );
}

/** Nodes of a `node` list, by position; what is no object is left out. */
export function nodeList(graph: JsonObject, key: 'node' | 'nodeDef' = 'node'): JsonObject[] {
  return (arrayField(graph, key) ?? []).filter(isJsonObject);
}
