/** Names for the layers of a slice: the model's own, except where plain TF.js could not load them or two would clash. */
import type { Layer } from '../model/layerGraph';

/** What TF.js accepts as the name of a tensor (`isValidTensorName`). */
const VALID = /^[A-Za-z0-9][-A-Za-z0-9._/]*$/;

/** Where TF.js keeps layers by name in plain objects, these find what every object has. */
const TAKEN_BY_OBJECT = new Set(Object.getOwnPropertyNames(Object.prototype));

/** Whether plain TF.js can load a layer of this name. */
export function isLoadableName(name: string): boolean {
  return VALID.test(name) && !TAKEN_BY_OBJECT.has(name);
}

/** The nearest name that plain TF.js can load. */
export function loadableName(name: string): string {
  if (isLoadableName(name)) return name;
  const cleaned = name.replace(/[^-A-Za-z0-9._/]+/g, '_');
  return isLoadableName(cleaned) ? cleaned : `layer_${cleaned.replace(/^[^A-Za-z0-9]+/, '')}`;
}

/** What the reader of a slice accepts as names. */
export interface NameRules {
  /** The nearest name that can be loaded. */
  loadable(name: string): string;
  /** Whether the layers with weights of all nested models need names that differ. */
  weightsMeet: boolean;
}

const TFJS_NAMES: NameRules = { loadable: loadableName, weightsMeet: true };

/** Gives each layer of one slice its name. */
export class LayerNames {
  constructor(private readonly rules: NameRules = TFJS_NAMES) {}

  /** Names inside one model (`scope` is that model) must differ. */
  private readonly used = new Map<Layer | null, Set<string>>();
  /** Weights of all nested models meet in one map of TF.js: their layers' names must differ everywhere. */
  private readonly usedByWeights = new Set<string>();

  /** What was renamed: the layer's address and its new name. */
  readonly renamed: { address: string; name: string }[] = [];

  /**
   * @param scope the nested model that holds the layer in the slice; null for the slice itself.
   * @param address canonical, in the source; its other parts make the new name telling.
   */
  take(scope: Layer | null, wanted: string, address: string, hasWeights: boolean): string {
    const used = this.used.get(scope) ?? new Set<string>();
    this.used.set(scope, used);
    const { loadable, weightsMeet } = this.rules;
    const isMet = hasWeights && weightsMeet;
    const free = (name: string): boolean => !used.has(name) && !(isMet && this.usedByWeights.has(name));
    let name = loadable(wanted);
    if (!free(name)) name = loadable(address.replace(/\\(.)/g, '$1').replace(/[/#:]/g, '_'));
    for (let i = 1, base = name; !free(name); i++) name = `${base}_${i}`;
    used.add(name);
    if (hasWeights) this.usedByWeights.add(name);
    if (name !== wanted) this.renamed.push({ address, name });
    return name;
  }
}
