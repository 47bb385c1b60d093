/** Changes made in memory so that a file opens: what Keras 3 writes becomes what Keras 2 and TF.js write. Each is listed. */
import type { ErrorData } from '../errors';
import { policyName } from '../layers/dtypes';
import type { JsonObject, JsonValue } from '../model/json';
import { isJsonObject } from '../model/json';
import type { Repair } from '../model/modelFile';
import { field, textField } from './jsonField';

/** Collects repairs; the same one made in many places becomes one line that says how many. */
export class RepairList {
  readonly #found = new Map<string, { code: string; data: ErrorData; addresses: string[] }>();

  add(code: string, address: string, data: ErrorData = {}): void {
    const key = `${code} ${JSON.stringify(data)}`;
    const known = this.#found.get(key);
    if (known) known.addresses.push(address);
    else this.#found.set(key, { code, data, addresses: [address] });
  }

  has(...codes: string[]): boolean {
    return [...this.#found.values()].some(({ code }) => codes.includes(code));
  }

  list(): Repair[] {
    return [...this.#found.values()].map(({ code, data, addresses }) => {
      const [first = ''] = addresses;
      if (addresses.length === 1) return { code, address: first, data: { ...data, name: first } };
      return { code, address: null, data: { ...data, name: first, count: addresses.length } };
    });
  }
}

const ACTIVATION_KEYS = ['activation', 'recurrent_activation', 'intermediate_activation'];
const INNER_LAYER_KEYS = ['layer', 'backward_layer', 'forward_layer', 'cell'];

/** Repairs one layer's config in place, that of wrapped layers and cells too. */
export function repairConfig(className: string, config: JsonObject, address: string, repairs: RepairList): void {
  const pending: { className: string; config: JsonObject }[] = [{ className, config }];
  for (let next = pending.pop(); next; next = pending.pop()) {
    repairInput(next.config, address, repairs);
    repairPolicy(next.config, address, repairs);
    for (const key of ACTIVATION_KEYS) repairActivation(next.className, next.config, key, address, repairs);
    repairSeparable(next.className, next.config, address, repairs);
    for (const inner of innerLayers(next.config)) pending.push(inner);
  }
}

/** The layers that stand inside a config: of Bidirectional, TimeDistributed, RNN, StackedRNNCells. */
function innerLayers(config: JsonObject): { className: string; config: JsonObject }[] {
  const values: JsonValue[] = INNER_LAYER_KEYS.map((key) => field(config, key) ?? null);
  const cells = field(config, 'cells');
  if (Array.isArray(cells)) values.push(...cells);
  return values.flatMap((value) => {
    const inner = isJsonObject(value) ? field(value, 'config') : undefined;
    return isJsonObject(value) && isJsonObject(inner)
      ? [{ className: textField(value, 'class_name') ?? '', config: inner }]
      : [];
  });
}

function repairInput(config: JsonObject, address: string, repairs: RepairList): void {
  const shape = field(config, 'batch_shape');
  if (shape === undefined) return;
  delete config.batch_shape;
  if (field(config, 'batch_input_shape') !== undefined) return;
  config.batch_input_shape = shape;
  repairs.add('batch-shape', address);
}

function repairPolicy(config: JsonObject, address: string, repairs: RepairList): void {
  const policy = field(config, 'dtype');
  if (!isJsonObject(policy)) return;
  const name = policyName(policy);
  config.dtype = name;
  repairs.add('dtype-policy', address, { to: name });
}

/** Keras 2 writes three keys of Conv2D that a separable convolution never uses, and TF.js refuses them. */
function repairSeparable(className: string, config: JsonObject, address: string, repairs: RepairList): void {
  if (!/^SeparableConv(olution)?[12]D$/.test(className)) return;
  const keys = ['kernel_initializer', 'kernel_regularizer', 'kernel_constraint'].filter((key) =>
    Object.hasOwn(config, key),
  );
  if (!keys.some((key) => config[key] !== null)) return;
  for (const key of keys) delete config[key];
  repairs.add('separable-keys', address, { keys });
}

function repairActivation(
  className: string,
  config: JsonObject,
  key: string,
  address: string,
  repairs: RepairList,
): void {
  const value = field(config, key);
  if (isJsonObject(value)) {
    // {class_name: "function", config: "relu"}; a layer as activation has an object for its config and stays
    const name = field(value, 'config');
    if (typeof name !== 'string') return;
    config[key] = name === 'silu' ? 'swish' : name;
    repairs.add('activation-object', address, { key, to: config[key] });
  } else if (value === 'silu' && className !== '') {
    config[key] = 'swish';
    repairs.add('activation-name', address, { key, from: value, to: 'swish' });
  }
}
