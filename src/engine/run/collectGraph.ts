/** Runs as much of a graph-model as the wanted nodes need, and copies their values out. */
import type * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import { escapeName, tensorAddress } from '../../core/model/address';
import { expandCalls } from '../../core/model/traversal';
import { planGraph } from './graphMemory';
import type { GraphRunner, NodeTensor } from './graphRun';
import { memoryLimit } from './memoryBudget';
import type { WeightSource } from './openedModel';
import { snapshotOf, type CollectRun, type Snapshot } from './snapshot';

/**
 * @param feeds by the canonical address of what they supply; the caller disposes them.
 * @param wanted canonical addresses.
 * @throws SlicerError `unknown-address`, `bad-input`, `not-runnable`, `out-of-memory`, `cancelled`.
 */
export async function collectGraph(
  { model }: WeightSource,
  runner: GraphRunner,
  feeds: ReadonlyMap<string, tf.Tensor>,
  wanted: readonly string[],
  { backend, signal, onPause, graphs, memoryLimit: bytes }: CollectRun,
): Promise<Map<string, Snapshot>> {
  const { layers, inputs, order } = model.graph;
  const places = new Map<string, NodeTensor>();
  for (const { name, calls } of layers) {
    const count = Math.max(1, calls[0]?.outputs.length ?? 1);
    for (let output = 0; output < count; output++)
      places.set(tensorAddress(escapeName(name), output), { layer: name, output });
  }
  const byNode = new Map<string, tf.Tensor>();
  for (const { layer, output } of inputs) {
    const feed = feeds.get(tensorAddress(escapeName(layer), output));
    if (feed) byNode.set(layer, feed);
  }
  const found = new Map<string, Snapshot>();
  const asked: [string, NodeTensor][] = [];
  for (const address of new Set(wanted)) {
    const place = places.get(address);
    const feed = feeds.get(address);
    if (!place) throw new SlicerError('unknown-address', { address });
    if (feed) found.set(address, snapshotOf(feed));
    else asked.push([address, place]);
  }
  // parts of a graph must run where the whole ran: other backends differ in the last digits
  const where = graphs?.ranOn ?? backend;
  const calls = expandCalls(model.graph);
  planGraph({ model, calls, feeds: byNode, backend: where, limit: memoryLimit(bytes) });
  const fetched = await runner.fetch(
    byNode,
    asked.map(([, place]) => place),
    where,
  );
  if (graphs && asked.length > 0) graphs.ranOn ??= fetched.backend;
  try {
    asked.forEach(([address], i) => {
      const tensor = fetched.tensors[i];
      if (tensor) found.set(address, snapshotOf(tensor));
    });
  } finally {
    for (const tensor of fetched.tensors) tensor.dispose();
  }
  if (signal.aborted) throw new SlicerError('cancelled');
  onPause(order.length, '');
  return found;
}
