/** The recipes in Python, for Keras 3. */
import type { RecipeId, RecipeWriter } from '../recipe';
import { iterateLayers, sequentialPrefix, sequentialRange } from './python/chains';
import { functionalByIndex, functionalByName, identityTap, multiOutput, nested, oneLiner } from './python/extraction';
import { beforeAfterBatchNorm, layerAttribute } from './python/layerValues';
import { layerFrozen, layerFunctional, layerLambda, layerSequential, layerSubclass } from './python/modelLayers';
import { independentCopy, loadSlice, middleSegment } from './python/segments';
import { trainingCallback } from './python/trainingCallback';

export const pythonRecipes: Partial<Record<RecipeId, RecipeWriter>> = {
  'functional-by-name': functionalByName,
  'functional-by-index': functionalByIndex,
  'multi-output': multiOutput,
  'sequential-prefix': sequentialPrefix,
  'sequential-range': sequentialRange,
  'iterate-layers': iterateLayers,
  'identity-tap': identityTap,
  'training-callback': trainingCallback,
  'one-liner': oneLiner,
  nested,
  'before-after-batchnorm': beforeAfterBatchNorm,
  'layer-attribute': layerAttribute,
  'middle-segment': middleSegment,
  'independent-copy': independentCopy,
  'load-slice': loadSlice,
  'layer-functional': layerFunctional,
  'layer-subclass': layerSubclass,
  'layer-sequential': layerSequential,
  'layer-frozen': layerFrozen,
  'layer-lambda': layerLambda,
};
