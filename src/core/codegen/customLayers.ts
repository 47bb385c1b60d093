/** Layers whose classes are the user's own. */
import { isKnownClass } from '../layers/layerFacts';
import { resolveAddress } from '../model/address';
import type { Layer, LayerGraph } from '../model/layerGraph';
import { walkLayers } from '../model/traversal';
import type { SlicePlan } from '../slicing/slice';
import type { ModelFile } from '../model/modelFile';

/** Of a class that neither Keras nor the catalogue has. */
export function isCustom({ className, isLayer, graph }: Layer): boolean {
  return isLayer && graph === null && className !== 'InputLayer' && className !== 'Lambda' && !isKnownClass(className);
}

/** As the file names them: `package>Name` where they were registered with a package. */
export function customClasses(graph: LayerGraph): string[] {
  const own = walkLayers(graph).filter(({ layer }) => isCustom(layer));
  return [...new Set(own.map(({ layer }) => layer.className))];
}

/** What TF.js lacks apart from classes that the user registers with it. */
export function lacksOfTfjs({ graph }: ModelFile, plan: SlicePlan): SlicePlan['notExportable'] {
  return plan.notExportable.filter(({ address }) => !isCustom(resolveAddress(graph, address).layer));
}
