/** Memory of a graph-model: planned before it runs, from the shapes that its nodes declare. */
import type { Shape, TensorInfo } from '../../core/model/layerGraph';
import type { ModelFile } from '../../core/model/modelFile';
import type { ExpandedCall } from '../../core/model/traversal';
import type { BackendName } from '../../protocol/engine';
import { bytesOf, Storages } from './estimate';
import { feedBytes } from './feed';
import { overLimit, processBytes } from './memoryBudget';
import { countReaders, letGo } from './readers';
import type { FedShape } from './runShapes';
import { heapFull, heapLimit } from './wasmHeap';

export interface GraphPlan {
  /** All nodes' values may be there at once. */
  together: boolean;
  keep: number;
  keepInBackend: number;
  /** Bytes of nodes that are computed in one go where they may not be there together. */
  wave: number;
  bytesOf(call: ExpandedCall, output: number): number;
}

export interface GraphMemoryOptions {
  model: ModelFile;
  calls: readonly ExpandedCall[];
  /** By node. */
  feeds: ReadonlyMap<string, FedShape>;
  backend: BackendName;
  /** Bytes that the process may take. */
  limit: number;
}

const sameValues = new Set([
  'Identity',
  'Reshape',
  'Squeeze',
  'ExpandDims',
  'StopGradient',
  'PreventGradient',
  'Snapshot',
]);
const mostInHeap = 2 ** 30;

/**
 * Nodes without a declared shape count nothing.
 * @throws SlicerError `out-of-memory` (`reason` `live` or `heap`).
 */
export function planGraph({ model, calls, feeds, backend, limit }: GraphMemoryOptions): GraphPlan {
  const batch = Math.max(1, ...[...feeds.values()].map(({ shape }) => shape[0] ?? 1));
  const sizeAt = ({ layer }: ExpandedCall, output: number): number =>
    layer.className === 'Const' ? 0 : bytesOf(withBatch(layer.calls[0]?.outputs[output], batch));
  const { live, all, at } = need(calls, sizeAt);
  const tensors = model.weightEntries.reduce((sum, { shape, dtype }) => sum + bytesOf({ shape, dtype }), 0);
  const weights = tensors * (backend === 'wasm' ? 2 : 1);
  const outside = [...feeds.values()].reduce((sum, feed) => sum + feedBytes(feed), 0);
  const room = backend === 'wasm' ? heapLimit : Infinity;
  const budget = limit - processBytes(backend) - outside;
  const least = weights + live;
  if (least > budget)
    throw overLimit({
      bytes: least + outside + processBytes(backend),
      limit,
      address: at,
    });
  if (least > room) throw heapFull({ bytes: least, limit: room, address: at });
  const free = Math.min(budget, room) - weights;
  const together = all <= free;
  // computing in parts needs room for a part beside what is kept
  const keep = together ? budget - weights : Math.floor((budget - least) / 2);
  return {
    together,
    keep,
    keepInBackend: Math.max(
      0,
      Math.min(keep, together ? free : free - live, backend === 'wasm' ? mostInHeap : Infinity),
    ),
    wave: Math.floor((free - live) / 2),
    bytesOf: sizeAt,
  };
}

function need(
  calls: readonly ExpandedCall[],
  sizeAt: (call: ExpandedCall, output: number) => number,
): { live: number; all: number; at: string } {
  const left = countReaders(calls);
  const storages = new Storages();
  const found = { live: 0, all: 0, at: '' };
  for (const call of calls) {
    let made = 0;
    call.outputs.forEach((address, output) => {
      const shared = sameValues.has(call.layer.className) ? (call.inputs[0] ?? null) : null;
      const bytes = sizeAt(call, output);
      storages.add(address, shared, bytes);
      if (shared === null) found.all += bytes;
      made += bytes;
    });
    if (storages.bytes + made > found.live) Object.assign(found, { live: storages.bytes + made, at: call.address });
    letGo(call, left, storages);
  }
  return found;
}

function withBatch(info: TensorInfo | undefined, batch: number): { shape: Shape | null; dtype: string | null } {
  const shape = info?.shape ?? null;
  const full = shape && shape[0] === null ? [batch, ...shape.slice(1)] : shape;
  return { shape: full?.every((size) => size !== null) ? full : null, dtype: info?.dtype ?? null };
}
