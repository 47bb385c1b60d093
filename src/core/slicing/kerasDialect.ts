/** A topology as Keras itself writes it: the layers' own configs, calls in the way of the Keras that will read them. */
import { idfEntry } from '../formats/vocabularies';
import { operationModule } from '../layers/keras3Vocabulary';
import { isLoraFactor } from '../layers/lora';
import type { JsonObject } from '../model/json';
import type { Layer, Weight } from '../model/layerGraph';
import { identity, kerasConfig } from './kerasConfigs';
import { LayerNames, type NameRules } from './layerNames';
import { tensorInfo, type OpenCall } from './openGraph';
import type { SliceInput } from './sliceInput';
import { trains } from './tfjsLimits';
import type { Findings, NodeStyle, PlainLayer, TopologyDialect } from './topologyDialect';

const KERAS_3_NAMES: NameRules = {
  loadable: (name) => name.replaceAll('/', '_') || 'layer',
  weightsMeet: false,
};
const KERAS_2_NAMES: NameRules = { loadable: (name) => name || 'layer', weightsMeet: false };

export class KerasDialect implements TopologyDialect {
  readonly names: LayerNames;
  readonly flatPorts: boolean;
  readonly unstableOrder: string | null;

  /**
   * @param keras whose semantics the source has.
   * @param style which Keras's way of writing: Keras 3 reads both, but from Keras 2's not all that Keras 2 can say.
   */
  constructor(
    private readonly keras: 2 | 3,
    private readonly style: 2 | 3,
  ) {
    this.names = new LayerNames(style === 3 ? KERAS_3_NAMES : KERAS_2_NAMES);
    this.flatPorts = style === 3;
    this.unstableOrder = style === 3 ? null : 'Keras 2 would make the calls of its reused layers in another order';
  }

  prepare(calls: readonly OpenCall[]): OpenCall[] {
    return [...calls];
  }

  inputConfig({ tensor, layer }: SliceInput, name: string): JsonObject {
    const { shape, dtype } = tensorInfo(tensor);
    const own = layer?.config ?? {};
    const batchShape = shape ? [...shape] : [null];
    const common = { dtype: dtype ?? 'float32', sparse: own.sparse === true };
    if (this.style === 2) return { batch_input_shape: batchShape, ...common, ragged: own.ragged === true, name };
    return { batch_shape: batchShape, ...common, ...(own.optional === true ? { optional: true } : {}), name };
  }

  inputLimit({ tensor, layer }: SliceInput): string | null {
    if (tensorInfo(tensor).shape === null) return 'its number of axes is not known, which Keras needs of an input';
    return this.keras !== this.style && layer?.config.ragged === true
      ? 'Keras 3 has no ragged inputs like Keras 2'
      : null;
  }

  checkModel(call: OpenCall, address: string, findings: Findings): void {
    this.checkTraining(call, address, findings);
  }

  checkNested(address: string, findings: Findings): void {
    // it does not count the construction of a nested model as Keras 2 does
    if (this.style === 2)
      findings.note({ address, message: onlyKeras2(address, 'it is a model inside a functional model') });
  }

  plain(layer: Layer, name: string, calls: readonly OpenCall[], address: string, findings: Findings): PlainLayer {
    const { className } = layer;
    for (const call of calls) this.checkTraining(call, address, findings);
    if (!layer.isLayer) {
      if (this.style !== this.keras) findings.lacks(address, `Keras 2's operation ${className} is none of Keras 3`);
      return { className, config: layer.config };
    }
    const { config, lack, differs, custom } = kerasConfig(className, layer.config, this.keras, this.style);
    if (differs !== null) findings.lacks(address, differs);
    // Keras does not load them from the config, where they would stand
    if (idfEntry(layer.config) !== null)
      findings.lacks(address, 'it has learned how frequent words are (tf_idf), which cannot be written for Keras yet');
    const limit = lack ?? (this.keras === 2 ? rankLimit(className, calls) : null);
    if (limit !== null && this.style === 3) findings.lacks(address, limit);
    if (limit !== null && this.style === 2) findings.note({ address, message: onlyKeras2(address, limit) });
    if (this.style === 2 && name.includes('/'))
      findings.note({ address, message: onlyKeras2(address, 'Keras 3 has no names with a slash') });
    for (const own of new Set(custom)) {
      const message = `${address} needs ${own}, which is not Keras's own: give it to load_model as custom_objects.`;
      findings.note({ address, message });
    }
    if (className === 'Lambda') {
      const message = `${address} holds Python code, which Keras loads with safe_mode=False only.`;
      findings.note({ address, message });
    }
    if (layer.weights.some((weight) => this.mayLack(weight))) {
      // merged into the kernel when the file was saved
      for (const key of ['lora_rank', 'lora_alpha', 'lora_enabled']) delete config[key];
      findings.note({ address, message: `${address} has its LoRA factors in its kernel, as the file has it.` });
    }
    return { className, config };
  }

  mayLack({ name, entry }: Weight): boolean {
    return entry === null && isLoraFactor(name);
  }

  takesTrainable({ isLayer, config }: Layer): boolean {
    return isLayer && Object.hasOwn(config, 'trainable');
  }

  finish(_layer: Layer, config: JsonObject): JsonObject {
    return config;
  }

  identify(className: string, layer: Layer | null): JsonObject {
    const own = className.slice(className.lastIndexOf('>') + 1);
    if (this.style === 2) return className === own ? { class_name: own } : { class_name: className };
    if (className === 'Functional')
      return { module: 'keras.src.models.functional', class_name: 'Functional', registered_name: 'Functional' };
    if (className === 'Sequential') return { module: 'keras', class_name: 'Sequential', registered_name: null };
    if (layer && !layer.isLayer) {
      const module = layer.module !== null && layer.module !== 'keras.ops' ? layer.module : operationModule(className);
      return { module, class_name: className, registered_name: className };
    }
    return identity(className, layer?.module ?? null);
  }

  weightNames({ weights }: Layer): string[] {
    return weights.map(({ name }) => name);
  }

  nodeStyle(): NodeStyle {
    return this.style === 2 ? 'lists' : 'objects';
  }

  nodeOffset(className: string, style: NodeStyle, isPort: boolean): number {
    // Keras 3 counts a functional model's own construction in `output_layers` alone
    return style === 'lists' || (isPort && className === 'Functional') ? 1 : 0;
  }

  renamedMessage(address: string, name: string): string {
    return `${address} is called ${name} in the slice: Keras needs names without a slash that differ.`;
  }

  private checkTraining(call: OpenCall, address: string, findings: Findings): void {
    // Keras 3 puts the mode of the run before it
    if (this.keras === 2 && this.style === 3 && trains(call))
      findings.lacks(address, 'it is called in training mode, which Keras 3 leaves out');
  }
}

/** Keras 2's convolutions take any number of axes before those that they work on. */
function rankLimit(className: string, calls: readonly OpenCall[]): string | null {
  const rank = /^(?:Depthwise|Separable)?Conv(?:olution)?([123])D(?:Transpose)?$/.exec(className)?.[1];
  if (rank === undefined) return null;
  const isOther = calls.some(({ inputs: [tensor] }) => {
    const shape = tensor ? tensorInfo(tensor).shape : null;
    return shape !== null && shape.length !== Number(rank) + 2;
  });
  return isOther ? 'Keras 3 has no convolution over more axes' : null;
}

function onlyKeras2(address: string, reason: string): string {
  return `Only Keras 2 can load the file, not Keras 3, because of ${address}: ${reason}.`;
}
