/** The layers of a chain: each reads what the one before gives, and nothing else. */
import { resolveAddress } from '../../model/address';
import { layersByName } from '../../model/address';
import type { Layer, LayerGraph } from '../../model/layerGraph';

/**
 * The layers from the one that reads the tensor `from` to the one that makes `to`; both in the same model.
 * @returns or why they are no chain, as the end of a sentence.
 */
export function chainBetween(root: LayerGraph, from: string, to: string): Layer[] | string {
  const start = resolveAddress(root, from);
  const end = resolveAddress(root, to);
  if (start.graph !== end.graph)
    return end.path.length > start.path.length
      ? `${to} is inside a nested model`
      : `${from} and ${to} are not in the same model`;
  const layers = layersByName(end.graph);
  const chain: Layer[] = [];
  let at = { layer: end.layer.name, call: end.call, output: end.output };
  while (at.layer !== start.layer.name) {
    const layer = layers.get(at.layer);
    const call = layer?.calls[at.call];
    const [read, second] = call?.inputs ?? [];
    if (!layer || !call || !read) return `${from} does not lead to ${to}`;
    if (layer.calls.length > 1) return `the layers are no chain: ${layer.name} is called ${layer.calls.length} times`;
    if (second) return `the layers are no chain: ${layer.name} reads ${call.inputs.length} tensors`;
    if (call.outputs.length > 1) return `the layers are no chain: ${layer.name} has ${call.outputs.length} outputs`;
    if (Object.keys(call.kwargs).length > 0) return `${layer.name} is called with more than its input`;
    chain.unshift(layer);
    at = read;
  }
  if (at.call !== start.call || at.output !== start.output) return `${from} does not lead to ${to}`;
  return chain.length > 0 ? chain : `there is no layer between ${from} and ${to}`;
}
