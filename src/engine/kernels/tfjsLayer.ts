/** Layers of classes that a custom-layer module registered: the tfjs-layers object does the call. */
import * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import type { JsonValue } from '../../core/model/json';
import type { Layer } from '../../core/model/layerGraph';
import type { Kernel, KernelCall } from './kernel';

/** The part of a tfjs-layers object that is used. */
interface TfjsLayer {
  name: string;
  weights: { name: string; shape: (number | null)[]; write(value: tf.Tensor): unknown }[];
  built: boolean;
  supportsMasking?: boolean;
  build(shape: (number | null)[] | (number | null)[][]): void;
  call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor | tf.Tensor[];
  computeMask?(inputs: tf.Tensor | tf.Tensor[], mask: tf.Tensor | (tf.Tensor | null)[] | null): unknown;
  setFastWeightInitDuringBuild?(value: boolean): void;
}

type LayerClass = { new (config: Record<string, unknown>): TfjsLayer };
type FromConfig = (cls: LayerClass, config: Record<string, unknown>) => TfjsLayer;

const objects = new WeakMap<Layer, TfjsLayer>();
let ownClasses: Set<string> | null = null;

/** What tfjs itself registered: everything that comes later is the user's. Called before custom modules load. */
export function rememberOwnClasses(): void {
  ownClasses ??= new Set(Object.keys(classMap()));
}

function classMap(): Record<string, [LayerClass, FromConfig]> {
  return tf.serialization.SerializationMap.getMap().classNameMap as unknown as Record<string, [LayerClass, FromConfig]>;
}

/** The registered class of a name: as written, else where both agree without Keras's `package>`. */
function customClass(className: string): [LayerClass, FromConfig] | null {
  if (!ownClasses) return null;
  const own = ownClasses;
  const map = classMap();
  const custom = Object.keys(map).filter((name) => !own.has(name));
  const found =
    custom.find((name) => name === className) ?? custom.find((name) => bareName(name) === bareName(className));
  return found === undefined ? null : (map[found] ?? null);
}

function bareName(className: string): string {
  return className.slice(className.lastIndexOf('>') + 1);
}

/** The kernel of a layer of a custom class; null when nobody registered it. */
export function customKernel(layer: Layer): Kernel | null {
  const registered = customClass(layer.className);
  if (!registered) return null;
  return {
    run: (call) => {
      const object = objectOf(layer, registered, call);
      const inputs = call.inputs;
      const given = inputs.length === 1 ? (inputs[0] as tf.Tensor) : inputs;
      const mask = call.mask();
      return object.call(given, { training: false, ...(mask ? { mask } : {}) });
    },
    mask: (call, outputs) => {
      const passes = objects.get(layer)?.supportsMasking === true;
      return Array.from({ length: outputs }, () => (passes ? call.mask() : null));
    },
  };
}

function objectOf(layer: Layer, [cls, fromConfig]: [LayerClass, FromConfig], call: KernelCall): TfjsLayer {
  const made = objects.get(layer);
  if (made) return made;
  const config = camelCased(layer.config, '') as Record<string, unknown>;
  delete config.trainable;
  const object = (fromConfig ?? ((c: LayerClass, args: Record<string, unknown>) => new c(args)))(cls, config);
  const shapes = call.inputs.map((x): (number | null)[] => [null, ...x.shape.slice(1)]);
  object.setFastWeightInitDuringBuild?.(true);
  // variables must survive the tidy around the call
  const { weights } = call.parts;
  object.build(shapes.length === 1 ? (shapes[0] as (number | null)[]) : shapes);
  object.built = true;
  assignWeights(
    layer,
    object,
    weights.map(({ tensor }) => tensor),
  );
  objects.set(layer, object);
  return object;
}

/** By order, as both sides create them in the same order; the shapes must agree. */
function assignWeights(layer: Layer, object: TfjsLayer, tensors: tf.Tensor[]): void {
  const agree =
    object.weights.length === tensors.length &&
    object.weights.every((weight, i) => sameShape(weight.shape, tensors[i]?.shape));
  if (!agree) {
    throw new SlicerError('not-runnable', {
      reason: 'custom-weights',
      layers: [layer.name],
      classes: [layer.className],
      reasons: [`its build() makes ${object.weights.length} weights, the file has ${tensors.length}`],
    });
  }
  object.weights.forEach((weight, i) => weight.write(tensors[i] as tf.Tensor));
}

function sameShape(a: (number | null)[], b: number[] | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every((size, i) => size === b[i]);
}

/** tfjs-layers wants camel case, for keys and for string values, but for names. */
function camelCased(value: JsonValue, key: string): unknown {
  if (typeof value === 'string') return key === 'name' || key === 'className' ? value : camel(value);
  if (Array.isArray(value)) return value.map((item) => camelCased(item, key));
  if (value === null || typeof value !== 'object') return value;
  const object: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) object[camel(name)] = camelCased(item, camel(name));
  return object;
}

function camel(text: string): string {
  return text.length <= 1 || !text.includes('_')
    ? text
    : text.replace(/_+(\w|$)/g, (_, letter: string) => letter.toUpperCase());
}
