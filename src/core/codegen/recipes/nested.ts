/** A layer inside a nested model. By name it is the same code, and it is found under what it is for. */
import { resolveAddress } from '../../model/address';
import { firstReason, noSubModel } from '../reasons';
import type { RecipeWriter } from '../recipe';
import { functionalByName } from './functionalByName';

export const nested: RecipeWriter = {
  whyNot: (task) =>
    firstReason(
      task.plan.outputs.some(({ address }) => resolveAddress(task.model.graph, address).path.length > 1)
        ? null
        : 'no output of the cut is inside a nested model',
      noSubModel(task),
    ),
  write: functionalByName.write,
};
