/** The order of `model.layers` in TF.js: `Container` sorts the layers of a functional model by depth. */
import { layersByName } from '../../model/address';
import type { Layer, LayerCall, LayerGraph } from '../../model/layerGraph';

interface Node {
  layer: Layer;
  call: LayerCall;
  inputs: Node[];
  depth: number;
}

interface Visit {
  node: Node;
  next: number;
}

/** The layers that lead to the graph's outputs, in the order of `model.layers`; a Sequential's as they stand in the file. */
export function tfjsLayerOrder(graph: LayerGraph): Layer[] {
  if (graph.kind === 'sequential') return graph.layers.filter(({ index }) => index.tfjs !== null);
  const layers = layersByName(graph);
  const nodes = new Map<LayerCall, Node>();
  const nodeOf = (name: string, index: number): Node | null => {
    const layer = layers.get(name);
    const call = layer?.calls[index];
    if (!layer || !call) return null;
    const node = nodes.get(call) ?? { layer, call, inputs: [], depth: 0 };
    nodes.set(call, node);
    return node;
  };
  // as `buildMapOfGraph` walks: layers are counted on the way up, nodes are done on the way back
  const counted = new Map<Layer, number>();
  const entered = new Set<Node>();
  const done: Node[] = [];
  for (const output of graph.outputs) {
    const stack: Visit[] = [];
    const enter = (node: Node | null): void => {
      if (!node || entered.has(node)) return;
      entered.add(node);
      if (!counted.has(node.layer)) counted.set(node.layer, counted.size);
      node.inputs = node.call.inputs.flatMap((ref) => nodeOf(ref.layer, ref.call) ?? []);
      stack.push({ node, next: 0 });
    };
    enter(nodeOf(output.layer, output.call));
    for (let visit = stack.at(-1); visit; visit = stack.at(-1)) {
      const input = visit.node.inputs[visit.next];
      visit.next += 1;
      if (input) enter(input);
      else {
        stack.pop();
        done.push(visit.node);
      }
    }
  }
  const depths = new Map<Layer, number>();
  for (const node of done.reverse()) {
    node.depth = Math.max(node.depth, depths.get(node.layer) ?? 0);
    depths.set(node.layer, node.depth);
    for (const input of node.inputs) input.depth = Math.max(input.depth, node.depth + 1);
  }
  return [...depths.keys()].sort(
    (a, b) => (depths.get(b) ?? 0) - (depths.get(a) ?? 0) || (counted.get(a) ?? 0) - (counted.get(b) ?? 0),
  );
}
