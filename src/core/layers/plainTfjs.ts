/** What plain `@tensorflow/tfjs` 4.22 makes of a layer's config. Held by a test that runs every case through it. */
import type { JsonValue } from '../model/json';
import type { CallArgument, TensorInfo } from '../model/layerGraph';
import type { PlainTfjs, TfjsLayer } from './catalogue';
import { TfjsDraft } from './tfjsDraft';
import { tfjsRules } from './tfjsRules';
import { IDENTITY_CLASSES, MODEL_CLASSES, TFJS_BROKEN, TFJS_CLASSES } from './tfjsVocabulary';

/** Wrappers in wrappers; no real model has more than three. */
const DEEPEST_WRAPPER = 16;

/**
 * Says whether plain TF.js computes a layer as the Keras that wrote it.
 * @param keras whose semantics the file has.
 * @param inputs the shapes that the layer reads: some answers hang on them.
 */
export function plainTfjs(layer: TfjsLayer, keras: 2 | 3, inputs: readonly TensorInfo[]): PlainTfjs {
  return judge(layer, keras, inputs, 0);
}

function judge(layer: TfjsLayer, keras: 2 | 3, inputs: readonly TensorInfo[], depth: number): PlainTfjs {
  const { className, config } = layer;
  const reason = depth > DEEPEST_WRAPPER ? 'wrappers nest too deeply' : (outright(layer) ?? tensorKeyword(layer));
  if (reason !== null) return { state: 'lacks', reason };
  // a model's layers are judged one by one
  if (MODEL_CLASSES.has(className)) {
    return depth === 0
      ? { state: 'same', config }
      : { state: 'lacks', reason: 'a model inside a wrapper is not checked' };
  }

  const draft = new TfjsDraft(layer, keras, inputs, (inner, innerInputs) =>
    judge(inner, keras, innerInputs, depth + 1),
  );
  if (IDENTITY_CLASSES.has(className)) {
    draft.becomeIdentity(`${className} does nothing in inference`);
  } else {
    const rule = Object.hasOwn(tfjsRules, className) ? tfjsRules[className] : undefined;
    const lack = draft.common() ?? rule?.(draft) ?? null;
    if (lack !== null) return { state: 'lacks', reason: lack };
  }
  if (draft.notes.length === 0) return { state: 'same', config };
  return { state: 'rewritten', className: draft.className, config: draft.config, note: draft.notes.join('; ') };
}

/** Why a class or a name cannot work at all. */
function outright({ className, config }: TfjsLayer): string | null {
  const name: JsonValue | undefined = Object.hasOwn(config, 'name') ? config.name : undefined;
  // tfjs keeps layers in plain objects: such a name finds a method of every object
  if (typeof name === 'string' && name in Object.prototype) return `a layer cannot be called ${name} in TensorFlow.js`;
  const broken = TFJS_BROKEN.get(className);
  if (broken !== undefined) return `${className} of TensorFlow.js ${broken}`;
  if (TFJS_CLASSES.has(className) || MODEL_CLASSES.has(className) || IDENTITY_CLASSES.has(className)) return null;
  return `TensorFlow.js has no layer class ${className}`;
}

function tensorKeyword({ kwargs }: TfjsLayer): string | null {
  for (const [name, value] of Object.entries(kwargs ?? {})) {
    if (holdsTensor(value)) return `TensorFlow.js cannot pass a tensor as ${name}`;
  }
  return null;
}

function holdsTensor(argument: CallArgument): boolean {
  // a stack, not recursion: a file decides how deep lists nest
  const pending = [argument];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    if (item.kind === 'tensor') return true;
    if (item.kind !== 'constant') pending.push(...Object.values(item.items));
  }
  return false;
}
