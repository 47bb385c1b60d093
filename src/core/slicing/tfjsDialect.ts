/** A topology in Keras 2's shape as plain TF.js reads it. */
import type { JsonObject, JsonValue } from '../model/json';
import type { Layer } from '../model/layerGraph';
import { isHarmless, isKeras2Call } from './callNodes';
import { withoutDoubleReads } from './doubleReads';
import { LayerNames } from './layerNames';
import { isMaskKeyword } from './maskRules';
import type { OpenCall } from './openGraph';
import { inputConfig, type SliceInput } from './sliceInput';
import { inputLimit, isStateful, tfjsLimit, tfjsVerdict } from './tfjsLimits';
import type { SliceMasks } from './tfjsMasks';
import type { Findings, NodeStyle, PlainLayer, TopologyDialect } from './topologyDialect';
import { innerName, tfjsWeightNames } from './weightNames';

export class TfjsDialect implements TopologyDialect {
  readonly names = new LayerNames();
  readonly flatPorts = false;
  readonly unstableOrder = 'TF.js would make the calls of its reused layers in another order';

  /**
   * @param keras major version of the Keras that wrote the source: defaults differ.
   * @param masks null where the source makes none.
   */
  constructor(
    private readonly keras: 2 | 3,
    private readonly masks: SliceMasks | null,
  ) {}

  prepare(given: readonly OpenCall[], prefix: string, findings: Findings): OpenCall[] {
    const { calls, changed } = withoutDoubleReads([...given]);
    for (const address of changed) {
      const message = `${address} reads a tensor twice, which TF.js frees too early: a layer that changes nothing stands between.`;
      findings.note({ address: `${prefix}${address}`, message });
    }
    return calls;
  }

  inputConfig(input: SliceInput, name: string): JsonObject {
    return inputConfig(input, name);
  }

  inputLimit(input: SliceInput): string | null {
    return inputLimit(input);
  }

  checkModel(call: OpenCall, address: string, findings: Findings): void {
    const limit = tfjsLimit(call, this.keras);
    if (limit !== null) findings.lacks(address, limit);
    this.checkCall(call, address, findings);
  }

  checkNested(): void {
    // calls of nested models are numbered as TF.js has them
  }

  plain(layer: Layer, name: string, calls: readonly OpenCall[], address: string, findings: Findings): PlainLayer {
    let written = { className: layer.className, config: layer.config };
    const masked = this.masks?.masked.has(layer) ?? null;
    for (const call of calls) {
      const { plain, limit } = tfjsVerdict(call, name, masked, this.keras);
      if (plain.state === 'lacks') {
        findings.lacks(address, plain.reason);
        written = { className: layer.className, config: layer.config };
        break;
      }
      if (plain.state === 'rewritten') {
        written = plain;
        if (call === calls[0]) findings.note({ address, message: `${address}: ${plain.note}.` });
      }
      if (limit !== null) findings.lacks(address, limit);
      this.checkCall(call, address, findings);
    }
    if (isStateful(layer)) {
      const message = `${address} keeps its states from run to run: reset them before each (\`resetStates()\`).`;
      findings.note({ address, message });
    }
    return written;
  }

  mayLack(): boolean {
    return false;
  }

  takesTrainable({ isLayer }: Layer): boolean {
    return isLayer;
  }

  finish({ className }: Layer, config: JsonObject): JsonObject {
    return className === 'Bidirectional' ? { ...config, layer: nameInside(config.layer) } : config;
  }

  identify(className: string, layer: Layer | null): JsonObject {
    // Only an operation needs its module: it shares its class's name with a layer.
    const module = layer === null || layer.isLayer ? null : layer.module;
    return { class_name: className, ...(module === null ? {} : { module }) };
  }

  weightNames({ className, weights }: Layer, name: string, config: JsonObject): string[] {
    return tfjsWeightNames(className, name, config, weights);
  }

  nodeStyle(calls: readonly OpenCall[]): NodeStyle {
    return calls.every(isKeras2Call) ? 'lists' : 'objects';
  }

  nodeOffset(_className: string, style: NodeStyle): number {
    // In Keras 2 and TF.js a nested model's own construction is its node 0.
    return style === 'lists' ? 1 : 0;
  }

  renamedMessage(address: string, name: string): string {
    return `${address} is called ${name} in the slice: TF.js needs plain names that differ.`;
  }

  private checkCall(call: OpenCall, address: string, findings: Findings): void {
    const odd = Object.entries(call.call.kwargs).filter(([key, value]) => !isHarmless(key, value));
    const [key] = odd.find(([name]) => !this.isJudged(name)) ?? [];
    if (key !== undefined) findings.lacks(address, `TF.js cannot be given its argument ${key}`);
    else if (odd.length === 0 && !isKeras2Call(call))
      findings.lacks(address, 'TF.js cannot be given arguments that are not tensors');
  }

  /** Masks that are arguments have their own reasons. */
  private isJudged(keyword: string): boolean {
    return this.masks !== null && isMaskKeyword(keyword);
  }
}

/** TF.js names the variables of a wrapper's layer after that layer; without a name it makes up one. */
function nameInside(wrapped: JsonValue | undefined): JsonValue {
  const name = innerName(wrapped);
  if (typeof wrapped !== 'object' || wrapped === null || Array.isArray(wrapped)) return wrapped ?? null;
  const config =
    typeof wrapped.config === 'object' && wrapped.config !== null && !Array.isArray(wrapped.config)
      ? wrapped.config
      : {};
  const valid = name !== null && /^[-A-Za-z0-9._]+$/.test(name);
  return valid ? wrapped : { ...wrapped, config: { ...config, name: 'layer' } };
}
