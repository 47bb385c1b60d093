/** Who reads a model's input: through nested models, and through layers that hand values on unchanged. */
import { isJsonObject, type JsonObject } from '../model/json';
import type { Layer, LayerCall, LayerGraph, TensorRef } from '../model/layerGraph';
import type { ModelFile } from '../model/modelFile';

/** A call that reads the input; `position`: which of its inputs it is. */
export interface Consumer {
  layer: Layer;
  call: LayerCall;
  position: number;
}

/** Tensors looked at before giving up: files decide how large graphs are. */
const maxSteps = 10_000;

/**
 * The calls that read the model input `inputName`, nearest first. `pass(consumer)` says whether the consumer hands the
 * values on (then those who read its outputs follow). Nested models are entered by themselves.
 */
export function inputConsumers(model: ModelFile, inputName: string, pass: (consumer: Consumer) => boolean): Consumer[] {
  const start = model.graph.inputs.find((input) => input.name === inputName);
  if (!start) return [];
  const readers = new Map<LayerGraph, Map<string, Consumer[]>>();
  const readersOf = (graph: LayerGraph, tensor: TensorRef): Consumer[] => {
    let known = readers.get(graph);
    if (!known) readers.set(graph, (known = indexReaders(graph)));
    return known.get(keyOf(tensor)) ?? [];
  };
  const found: Consumer[] = [];
  const queue: { graph: LayerGraph; tensor: TensorRef }[] = [{ graph: model.graph, tensor: start }];
  const seen = new Map<LayerGraph, Set<string>>();
  for (let step = 0; step < queue.length && step < maxSteps; step++) {
    const { graph, tensor } = queue[step] as { graph: LayerGraph; tensor: TensorRef };
    const visited = seen.get(graph) ?? new Set<string>();
    seen.set(graph, visited);
    if (visited.has(keyOf(tensor))) continue;
    visited.add(keyOf(tensor));
    for (const consumer of readersOf(graph, tensor)) {
      const { layer, call, position } = consumer;
      const inner = layer.graph?.inputs[position];
      if (layer.graph && inner) {
        queue.push({ graph: layer.graph, tensor: inner });
        continue;
      }
      found.push(consumer);
      if (!pass(consumer)) continue;
      const index = layer.calls.indexOf(call);
      call.outputs.forEach((_, output) => queue.push({ graph, tensor: { layer: layer.name, call: index, output } }));
    }
  }
  return found;
}

function keyOf(tensor: TensorRef): string {
  return `${tensor.call}:${tensor.output}:${tensor.layer}`;
}

function indexReaders(graph: LayerGraph): Map<string, Consumer[]> {
  const readers = new Map<string, Consumer[]>();
  for (const layer of graph.layers) {
    for (const call of layer.calls) {
      call.inputs.forEach((tensor, position) => {
        const list = readers.get(keyOf(tensor));
        if (list) list.push({ layer, call, position });
        else readers.set(keyOf(tensor), [{ layer, call, position }]);
      });
    }
  }
  return readers;
}

/** The wrapped layer's class and config for `TimeDistributed` and `Bidirectional`, else the layer's own. */
export function effectiveLayer(layer: Layer): { className: string; config: JsonObject } {
  const inner = layer.config.layer;
  if (isJsonObject(inner) && typeof inner.class_name === 'string' && isJsonObject(inner.config)) {
    return { className: inner.class_name, config: inner.config };
  }
  return { className: layer.className, config: layer.config };
}
