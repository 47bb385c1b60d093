/** A graph-model's nodes as calls, for whoever asks what a cut needs. */
import { escapeName } from '../model/address';
import type { LayerGraph, TensorRef } from '../model/layerGraph';
import { isPlaceholder, isResource } from './graphNodes';
import type { OpenCall, OpenedGraph, OpenTensor } from './openGraph';

/** @returns every node as one call. What the model's inputs supply is an input, whatever its node reads. */
export function openNodes(graph: LayerGraph): OpenedGraph {
  const ports = new Set(graph.inputs.map(({ layer }) => layer));
  const layers = new Map(graph.layers.map((layer) => [layer.name, layer]));
  const byName = new Map<string, OpenCall>();
  const calls: OpenCall[] = [];
  for (const { layer: name, call: index } of graph.order) {
    const layer = layers.get(name);
    const call = layer?.calls[index];
    if (!layer || !call) continue;
    const address = escapeName(name);
    const made: OpenCall = {
      layer,
      call,
      address,
      layerAddress: address,
      inputs: [],
      outputs: [],
      isInput: false,
      trainable: false,
      position: calls.length,
    };
    made.outputs = Array.from({ length: Math.max(1, call.outputs.length) }, (_, output) => ({ from: made, output }));
    made.isInput = ports.has(name) || (isPlaceholder(made) && call.inputs.length === 0 && !isResource(made));
    calls.push(made);
    byName.set(name, made);
  }
  const tensorOf = ({ layer, output }: TensorRef): OpenTensor[] => {
    const found = byName.get(layer)?.outputs[output];
    return found ? [found] : [];
  };
  // afterwards, because loops read what comes later
  for (const made of calls) if (!made.isInput) made.inputs = made.call.inputs.flatMap(tensorOf);
  const own = graph.inputs.flatMap(tensorOf);
  const others = calls.filter((call) => call.isInput && !ports.has(call.layer.name)).flatMap(({ outputs }) => outputs);
  return {
    calls,
    inputs: [...new Set([...own, ...others])],
    outputs: graph.outputs.flatMap(tensorOf),
    find: (path, output, inner) => {
      const [only] = path;
      if (!only || path.length > 1 || inner !== null) return null;
      return byName.get(only.name)?.outputs[output] ?? null;
    },
  };
}
