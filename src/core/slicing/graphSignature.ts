/** Names of a graph slice's inputs and outputs: those of the model where they are the model's own. */
import { objectField } from '../formats/jsonField';
import { dtypeProto, shapeProto } from '../formats/graphShapes';
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import type { NamedTensor, TensorInfo } from '../model/layerGraph';
import { tensorInfo, type OpenTensor } from './openGraph';

/** An input or output: which tensor of the model it is, and which tensor of the slice (`node:0`) holds it. */
export interface GraphPort {
  tensor: OpenTensor;
  /** Canonical, in the model. */
  address: string;
  name: string;
}

/**
 * @param own the model's inputs or outputs, and `declared` what its signature says of them.
 * @param wanted names of those that the model has none for.
 * @returns one key for each of `ports`, and the signature's part with these keys in this order.
 */
export function signaturePart(
  kind: 'inputs' | 'outputs',
  ports: readonly GraphPort[],
  model: { own: readonly NamedTensor[]; signature: JsonObject | null },
  wanted: (port: GraphPort) => string,
): { keys: string[]; part: JsonObject } {
  const declared = (model.signature && objectField(model.signature, kind)) ?? {};
  const ownKeys = new Map<string, string>();
  for (const { name, layer, output } of model.own) {
    const place = `${output}:${layer}`;
    if (!ownKeys.has(place)) ownKeys.set(place, name);
  }
  const known = ports.map(({ tensor }) => ownKeys.get(`${tensor.output}:${tensor.from.layer.name}`) ?? null);
  const taken = new Set([...Object.keys(declared).filter((key) => isCaptured(declared[key])), ...known]);
  const keys = ports.map((port, i) => known[i] ?? fresh(wanted(port), taken));
  const write = (names: readonly string[]): JsonObject =>
    Object.fromEntries(
      ports.map((port, i) => {
        const entry = objectField(declared, known[i] ?? '') ?? described(tensorInfo(port.tensor));
        return [names[i] ?? '', { ...entry, name: port.name }];
      }),
    );
  const part = write(keys);
  if (Object.keys(part).every((key, i) => key === keys[i]) && !keys.includes('__proto__')) return { keys, part };
  // JSON sorts keys that are numbers before all others: the order would be another
  const spelled = keys.map((key) => `${kind === 'inputs' ? 'input' : 'output'}_${key}`);
  return { keys: spelled, part: write(spelled) };
}

/** Whether an input of a signature is a table that TF.js hands in itself. */
export function isCaptured(entry: JsonValue | undefined): entry is JsonObject {
  return isJsonObject(entry) && Object.hasOwn(entry, 'resourceId');
}

/** @returns `name`, or the first of `name_2`, `name_3` … that is not taken; takes it. */
export function fresh(name: string, taken: Set<string | null>): string {
  let free = name;
  for (let n = 2; taken.has(free); n += 1) free = `${name}_${n}`;
  taken.add(free);
  return free;
}

function described({ shape, dtype }: TensorInfo): JsonObject {
  const proto = dtypeProto(dtype);
  return { name: '', ...(proto === null ? {} : { dtype: proto }), tensorShape: shapeProto(shape) };
}
