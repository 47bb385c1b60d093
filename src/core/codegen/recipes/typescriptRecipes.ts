/** The recipes in TypeScript, for TF.js. */
import type { RecipeId, RecipeWriter } from '../recipe';
import { beforeAfterBatchnorm } from './beforeAfterBatchnorm';
import { functionalByIndex } from './functionalByIndex';
import { functionalByName } from './functionalByName';
import { identityTap } from './identityTap';
import { independentCopy } from './independentCopy';
import { iterateLayers } from './iterateLayers';
import { layerAttribute } from './layerAttribute';
import { layerFrozen } from './layerFrozen';
import { layerFunctional } from './layerFunctional';
import { layerLambda } from './layerLambda';
import { layerSequential } from './layerSequential';
import { layerSubclass } from './layerSubclass';
import { loadSlice } from './loadSlice';
import { middleSegment } from './middleSegment';
import { multiOutput } from './multiOutput';
import { nested } from './nested';
import { oneLiner } from './oneLiner';
import { ofParent, ofParentOrSlice, orSlice } from './parentRecipe';
import { sequentialPrefix } from './sequentialPrefix';
import { sequentialRange } from './sequentialRange';
import { trainingCallback } from './trainingCallback';

export const typescriptRecipes: Partial<Record<RecipeId, RecipeWriter>> = {
  'functional-by-name': ofParentOrSlice(functionalByName),
  'functional-by-index': ofParent(functionalByIndex),
  'multi-output': ofParentOrSlice(multiOutput),
  'sequential-prefix': ofParent(sequentialPrefix),
  'sequential-range': ofParent(sequentialRange),
  'iterate-layers': ofParent(iterateLayers),
  'identity-tap': ofParent(identityTap),
  'training-callback': ofParent(trainingCallback),
  'one-liner': ofParent(oneLiner),
  nested: ofParentOrSlice(nested),
  'before-after-batchnorm': ofParentOrSlice(beforeAfterBatchnorm),
  'layer-attribute': layerAttribute,
  'middle-segment': ofParent(middleSegment),
  'independent-copy': ofParent(independentCopy),
  'load-slice': loadSlice,
  'layer-functional': orSlice(layerFunctional),
  'layer-subclass': orSlice(layerSubclass),
  'layer-sequential': orSlice(layerSequential),
  'layer-frozen': orSlice(layerFrozen),
  'layer-lambda': orSlice(layerLambda),
};
