/** A model's config with every layer in it frozen, so that plain TF.js leaves its numbers alone, too. */
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json';

/** Layers inside a layer, by key. */
const WRAPPED = ['layer', 'backward_layer', 'cell', 'cells'];

export interface FrozenModel {
  model: JsonObject;
  /** Names of the BatchNormalization layers in it. */
  batchNorms: string[];
  /** Weights that such layers have only here. */
  added: { layer: string; weight: 'gamma' | 'beta'; value: number }[];
}

/**
 * TF.js forgets flags of models when it saves, and of wrappers always: the flag goes to every layer. Its `fit` moves the
 * statistics of a BatchNormalization whatever its flag says; with a momentum of 1 they stay the same, bit for bit. And it throws where
 * such a layer has no scale or center: a gamma of 1 and a beta of 0, frozen too, change no number.
 */
export function frozenModel(model: JsonObject): FrozenModel {
  const copy = structuredCopy(model);
  const batchNorms: string[] = [];
  const added: FrozenModel['added'] = [];
  const open: JsonValue[] = [copy];
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    if (!isJsonObject(item) || !isJsonObject(item.config)) continue;
    const { class_name: className, config } = item;
    if (className === 'BatchNormalization') {
      const layer = typeof config.name === 'string' ? config.name : '';
      config.momentum = 1;
      batchNorms.push(layer);
      if (config.scale === false) added.push({ layer, weight: 'gamma', value: 1 });
      if (config.center === false) added.push({ layer, weight: 'beta', value: 0 });
      config.scale = true;
      config.center = true;
    }
    if (className !== 'InputLayer' && className !== 'Sequential') config.trainable = false;
    if (Array.isArray(config.layers)) open.push(...config.layers);
    for (const key of WRAPPED) {
      const inner = Object.hasOwn(config, key) ? config[key] : undefined;
      if (Array.isArray(inner)) open.push(...inner);
      else if (inner !== undefined) open.push(inner);
    }
  }
  return { model: copy, batchNorms, added };
}

/** A deep copy: the config belongs to an opened model. */
function structuredCopy(model: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(model)) as JsonObject;
}
