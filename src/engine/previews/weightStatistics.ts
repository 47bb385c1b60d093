/** What is told of a layer's weights. */
import { resolveAddress } from '../../core/model/address';
import type { EngineContract } from '../../protocol/engine';
import type { OpenedModel } from '../files/openModelFile';
import { computeStatistics, emptyStatistics, histogram } from './statistics';

type WeightStatistics = EngineContract['requests']['weightStatistics']['result'];

/** Statistics of each weight of the layer at `address`, one in memory at a time. @throws SlicerError `unknown-address`, and as reading. */
export async function weightStatistics(opened: OpenedModel, address: string): Promise<WeightStatistics> {
  const { layer } = resolveAddress(opened.model.graph, address);
  const weights: WeightStatistics['weights'] = [];
  for (const { name, entry, shape } of layer.weights) {
    const found = entry === null ? undefined : opened.model.weightEntries[entry];
    if (!found) continue;
    const values = await opened.readWeight(found);
    if (Array.isArray(values)) {
      weights.push({ name, statistics: emptyStatistics(values.length), histogram: { counts: [], min: 0, max: 0 } });
      continue;
    }
    const statistics = computeStatistics(
      values,
      shape.map((size) => size ?? 1),
      -1,
    );
    weights.push({ name, statistics, histogram: histogram(values, statistics.min, statistics.max) });
  }
  return { weights };
}
