/** Layers of classes that a custom-layer module registered: the tfjs-layers object does the call. */
import * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import { isKnownClass } from '../../core/layers/layerFacts';
import type { JsonValue } from '../../core/model/json';
import type { Layer } from '../../core/model/layerGraph';
import { AttributeWatch } from '../customLayers/attributes';
import type { Kernel, KernelCall } from './kernel';

/** The part of a tfjs-layers object that is used. */
interface TfjsLayer {
  name: string;
  weights: { name: string; shape: (number | null)[]; val: tf.Tensor; write(value: tf.Tensor): unknown }[];
  built: boolean;
  supportsMasking?: boolean;
  build(shape: (number | null)[] | (number | null)[][]): void;
  call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor | tf.Tensor[];
  computeMask?(inputs: tf.Tensor | tf.Tensor[], mask: tf.Tensor | (tf.Tensor | null)[] | null): unknown;
  setFastWeightInitDuringBuild?(value: boolean): void;
}

type LayerClass = { new (config: Record<string, unknown>): TfjsLayer; prototype: object };
type FromConfig = (cls: LayerClass, config: Record<string, unknown>) => TfjsLayer;

const objects = new WeakMap<Layer, TfjsLayer>();
let ownClasses: ReadonlyMap<string, Registered> | null = null;

type Registered = [LayerClass, FromConfig];

/** What tfjs itself registered: everything that comes later is the user's. Called before custom modules load. */
export function rememberOwnClasses(): void {
  ownClasses ??= new Map(Object.entries(classMap()));
}

/** The classes that modules registered, by name; those that stand in the place of tfjs's own among them. */
export function userClasses(): ReadonlyMap<string, LayerClass> {
  const own = ownClasses;
  if (!own) return new Map();
  const users = Object.entries(classMap()).filter(([name, registered]) => own.get(name) !== registered);
  return new Map(users.map(([name, [cls]]) => [name, cls]));
}

function classMap(): Record<string, Registered> {
  return tf.serialization.SerializationMap.getMap().classNameMap as unknown as Record<string, Registered>;
}

/** Whether a module registered the class of a layer. */
export function isCustomClass(className: string): boolean {
  return registeredName(className) !== null;
}

/**
 * The registered name for a class: as written, else where both agree without Keras's `package>`. But `acme>Dense` is
 * not what a file means by `Dense`.
 */
function registeredName(className: string): string | null {
  const names = [...userClasses().keys()];
  const alike = (name: string): boolean => bareName(name) === bareName(className);
  return names.find((name) => name === className) ?? (isKnownClass(className) ? null : (names.find(alike) ?? null));
}

function bareName(className: string): string {
  return className.slice(className.lastIndexOf('>') + 1);
}

/** The class that a module registers to take the place of the Lambda layer `name`: its function is Python's. */
export function replacementOf(name: string): string {
  return `Lambda:${name}`;
}

function registeredFor({ className, name }: Layer): Registered | null {
  const asked = className === 'Lambda' ? [replacementOf(name), className] : [className];
  const found = asked.map(registeredName).find((registered) => registered !== null);
  return found === undefined || found === null ? null : (classMap()[found] ?? null);
}

/** The kernel of a layer of a custom class; null when nobody registered it. */
export function customKernel(layer: Layer): Kernel | null {
  const registered = registeredFor(layer);
  if (!registered) return null;
  return {
    run: (call) => {
      const object = objectOf(layer, registered, call);
      const { inputs, parts } = call;
      const given = inputs.length === 1 ? (inputs[0] as tf.Tensor) : inputs;
      const mask = call.mask();
      const tap = parts.tap ?? { wanted: [], values: new Map(), set: [] };
      const watch = new AttributeWatch(object, tap.wanted);
      try {
        const result = object.call(given, { training: false, ...(mask ? { mask } : {}) });
        watch.end(tap);
        return result;
      } catch (error) {
        watch.abandon();
        throw error;
      }
    },
    mask: (call, outputs) => {
      const passes = objects.get(layer)?.supportsMasking === true;
      return Array.from({ length: outputs }, () => (passes ? call.mask() : null));
    },
  };
}

/** Drops what layers of custom classes hold: their weights, and tensors that they made for themselves. */
export function disposeCustomLayers(layers: Iterable<Layer>): void {
  for (const layer of layers) {
    const object = objects.get(layer);
    objects.delete(layer);
    if (object) tf.dispose([...ownTensors(object), ...object.weights.map(({ val }) => val)]);
  }
}

function objectOf(layer: Layer, [cls, fromConfig]: Registered, call: KernelCall): TfjsLayer {
  const made = objects.get(layer);
  if (made) return made;
  const config = camelCased(layer.config, '') as Record<string, unknown>;
  delete config.trainable;
  const object = (fromConfig ?? ((c: LayerClass, args: Record<string, unknown>) => new c(args)))(cls, config);
  const shapes = call.inputs.map((x): (number | null)[] => [null, ...x.shape.slice(1)]);
  object.setFastWeightInitDuringBuild?.(true);
  const { weights } = call.parts;
  object.build(shapes.length === 1 ? (shapes[0] as (number | null)[]) : shapes);
  object.built = true;
  assignWeights(
    layer,
    object,
    weights.map(({ tensor }) => tensor),
  );
  // variables survive the tidy around the call, constants that a layer made for itself must too
  for (const tensor of ownTensors(object)) tf.keep(tensor);
  objects.set(layer, object);
  return object;
}

/** Tensors that stand as properties of a layer, by themselves or in lists. */
function ownTensors(object: object): tf.Tensor[] {
  const values = Object.values(Object.getOwnPropertyDescriptors(object)).flatMap((property) =>
    'value' in property ? [property.value as unknown] : [],
  );
  return values.flat().filter((value): value is tf.Tensor => value instanceof tf.Tensor && !value.isDisposed);
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
