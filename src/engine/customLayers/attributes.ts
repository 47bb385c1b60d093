/** What a layer of the user's own sets on itself while it is called: `this.feature_output = …`. */
import * as tf from '@tensorflow/tfjs-core';
import { isAttributeName } from '../../core/layers/innerTensors';

/** Asks a call for attributes, and takes them. */
export interface AttributeTap {
  wanted: readonly string[];
  /** Those that were wanted and set, as tensors of their own that outlive the call: the taker's to dispose. */
  values: Map<string, tf.Tensor>;
  /** All that were set, wanted or not: by the end of the call most of them are disposed of. */
  set: AttributeFact[];
}

export interface AttributeFact {
  name: string;
  shape: number[];
  dtype: string;
}

/**
 * Watches one call of a layer. What `call` computes inside `tf.tidy` is gone when it returns, so that the value is
 * caught when it is set: an own accessor does that, which (unlike a proxy) also works for classes with private fields.
 */
export class AttributeWatch {
  private readonly before: ReadonlyMap<string, unknown>;
  private readonly caught = new Map<string, tf.Tensor>();
  private readonly restores: (() => void)[] = [];

  constructor(
    private readonly layer: object,
    private readonly wanted: readonly string[],
  ) {
    this.before = new Map(ownValues(layer));
    for (const name of wanted) this.intercept(name);
  }

  /** Ends the watch after the call. */
  end(tap: AttributeTap): void {
    this.restore();
    for (const [name, value] of ownValues(this.layer)) {
      if (!isValue(value)) continue;
      // one that is still there was made before the first call, or is kept by the layer
      if (value === this.before.get(name) && value.isDisposed) continue;
      tap.set.push({ name, shape: value.shape.slice(), dtype: value.dtype });
      if (this.wanted.includes(name) && !this.caught.has(name) && !value.isDisposed) this.catch(name, value);
    }
    for (const [name, tensor] of this.caught) tap.values.set(name, tensor);
  }

  /** Ends the watch of a call that failed. */
  abandon(): void {
    this.restore();
    for (const tensor of this.caught.values()) tensor.dispose();
  }

  private intercept(name: string): void {
    const { layer } = this;
    const own = Object.getOwnPropertyDescriptor(layer, name);
    // methods and accessors of the class are no attributes
    if (own ? !own.configurable || !('value' in own) : name in layer || !Object.isExtensible(layer)) return;
    let value: unknown = own?.value;
    let isSet = own !== undefined;
    Object.defineProperty(layer, name, {
      configurable: true,
      enumerable: true,
      get: () => value,
      set: (next: unknown) => {
        value = next;
        isSet = true;
        this.catch(name, next);
      },
    });
    this.restores.push(() => {
      if (!isSet) Reflect.deleteProperty(layer, name);
      else Object.defineProperty(layer, name, { configurable: true, writable: true, enumerable: true, value });
    });
  }

  /** The last value counts. */
  private catch(name: string, value: unknown): void {
    this.caught.get(name)?.dispose();
    this.caught.delete(name);
    if (isValue(value) && !value.isDisposed) this.caught.set(name, tf.keep(tf.clone(value)));
  }

  private restore(): void {
    for (const restore of this.restores) restore();
    this.restores.length = 0;
  }
}

/** Own data properties that an address can name; accessors are not called. */
function ownValues(layer: object): [string, unknown][] {
  return Object.entries(Object.getOwnPropertyDescriptors(layer)).flatMap(([name, property]): [string, unknown][] =>
    property.enumerable && 'value' in property && isAttributeName(name) ? [[name, property.value]] : [],
  );
}

/** A tensor that is no weight. */
function isValue(value: unknown): value is tf.Tensor {
  return value instanceof tf.Tensor && !(value instanceof tf.Variable);
}
