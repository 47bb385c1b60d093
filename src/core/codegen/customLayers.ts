/** Layers whose classes are the user's own. */
import { isCustomLayer } from '../layers/innerTensors';
import { resolveAddress } from '../model/address';
import type { LayerGraph } from '../model/layerGraph';
import { walkLayers } from '../model/traversal';
import type { SlicePlan } from '../slicing/slice';
import type { ModelFile } from '../model/modelFile';

/** As the file names them: `package>Name` where they were registered with a package. */
export function customClasses(graph: LayerGraph): string[] {
  const own = walkLayers(graph).filter(({ layer }) => isCustomLayer(layer));
  return [...new Set(own.map(({ layer }) => layer.className))];
}

/** What TF.js lacks apart from classes that the user registers with it. */
export function lacksOfTfjs({ graph }: ModelFile, plan: SlicePlan): SlicePlan['notExportable'] {
  return plan.notExportable.filter(({ address }) => !isCustomLayer(resolveAddress(graph, address).layer));
}
