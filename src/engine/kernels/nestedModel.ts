/** A model inside a layer's config, as TimeDistributed may wrap one. Models in the graph are opened up instead. */
import type * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import { openParsed, parseModelJson } from '../../core/formats/openModelJson';
import type { JsonObject } from '../../core/model/json';
import type { Layer, LayerGraph } from '../../core/model/layerGraph';
import { expandCalls, type ExpandedCall } from '../../core/model/traversal';
import { KernelCall, KernelConfig, type Kernel, type KernelWeight } from './kernel';

/** Finds the kernel of a layer or operation. */
export type FindLayerKernel = (layer: { className: string; isLayer: boolean }) => Kernel | null;

interface Inner {
  graph: LayerGraph;
  calls: ExpandedCall[];
}

const opened = new WeakMap<JsonObject, Inner>();

function innerOf(className: string, config: JsonObject, keras: 2 | 3): Inner {
  const known = opened.get(config);
  if (known) return known;
  const root = { modelTopology: { keras_version: `${keras}.0.0`, model_config: { class_name: className, config } } };
  const { graph } = openParsed(parseModelJson(new TextEncoder().encode(JSON.stringify(root)), className), []);
  const inner = { graph, calls: expandCalls(graph) };
  opened.set(config, inner);
  return inner;
}

/** @param className `Sequential`, `Functional` or `Model`. One input, one output. */
export function nestedModel(className: string, find: FindLayerKernel): Kernel {
  return {
    run(call) {
      const { graph, calls } = innerOf(className, call.parts.config, call.keras);
      const weights = weightsByLayer(calls, call.parts.weights);
      const values = new Map<string, tf.Tensor>();
      for (const inner of calls) {
        if (inner.kind === 'input') inner.outputs.forEach((address) => values.set(address, call.input()));
        else if (inner.kind === 'alias')
          inner.outputs.forEach((address, i) => values.set(address, valueAt(values, inner.inputs[i])));
        else {
          const outputs = compute(inner, call.keras, values, weights.get(inner.layer) ?? [], find);
          inner.outputs.forEach((address, i) => values.set(address, outputs[i] as tf.Tensor));
        }
      }
      const last = graph.outputs[0];
      const output = calls.find(
        ({ layer, call: at, graph: of }) => of === graph && layer.name === last?.layer && at === last.call,
      );
      return valueAt(values, output?.outputs[last?.output ?? 0]);
    },
    mask: 'drop',
    refuses(config, keras) {
      const { graph, calls } = innerOf(className, config.config, keras);
      if (graph.inputs.length !== 1 || graph.outputs.length !== 1)
        return 'a wrapped model with several inputs or outputs';
      for (const { kind, layer } of calls) {
        if (kind !== 'call') continue;
        const kernel = find(layer);
        const reason = kernel ? kernel.refuses?.(new KernelConfig(layer.config), keras) : `class ${layer.className}`;
        if (reason) return `${layer.name}: ${reason}`;
      }
      return null;
    },
  };
}

function valueAt(values: Map<string, tf.Tensor>, address: string | undefined): tf.Tensor {
  const value = address === undefined ? undefined : values.get(address);
  if (!value)
    throw new SlicerError('internal', { reason: `${address ?? 'an output'} of a wrapped model was not computed` });
  return value;
}

function compute(
  inner: ExpandedCall,
  keras: 2 | 3,
  values: Map<string, tf.Tensor>,
  weights: KernelWeight[],
  find: FindLayerKernel,
): tf.Tensor[] {
  const kernel = find(inner.layer);
  const layerCall = inner.layer.calls[inner.call];
  if (!kernel || !layerCall) throw new SlicerError('internal', { reason: `no kernel for ${inner.layer.className}` });
  const inputs = inner.inputs.map((address) => valueAt(values, address));
  const { className, config } = inner.layer;
  const masks = inputs.map(() => null);
  const result = kernel.run(
    new KernelCall({
      className,
      config,
      keras,
      inputs,
      masks,
      args: layerCall.args,
      kwargs: layerCall.kwargs,
      weights,
    }),
  );
  return Array.isArray(result) ? result : [result];
}

/** By path (`inner_dense/kernel`), else in order: the wrapper's weights are those of its layers. */
function weightsByLayer(calls: readonly ExpandedCall[], weights: readonly KernelWeight[]): Map<Layer, KernelWeight[]> {
  const found = new Map<Layer, KernelWeight[]>();
  const left = [...weights];
  for (const { kind, layer } of calls) {
    if (kind !== 'call' || found.has(layer)) continue;
    const own = layer.weights.map(({ name }) => {
      const wanted = `${layer.name}/${name}`;
      const at = left.findIndex((weight) => weight.name === wanted || weight.name.endsWith(`/${wanted}`));
      const [weight] = left.splice(Math.max(0, at), 1);
      if (!weight) {
        const data = {
          reason: 'call',
          layers: [layer.name],
          classes: [layer.className],
          reasons: [`no weight ${wanted} in the wrapped model`],
        };
        throw new SlicerError('not-runnable', data);
      }
      return weight;
    });
    found.set(layer, own);
  }
  return found;
}
