/** A layer class of one's own that owns the model: its weights are tracked, trained and saved. */
import { whatOf } from '../languages/typescriptNames';
import { firstReason, untrainable } from '../reasons';
import type { RecipeWriter } from '../recipe';
import { whyNoWrapper, wrapperSnippet, writeOwner } from './wrapperLayer';

export const layerSubclass: RecipeWriter = {
  whyNot: (task) => firstReason(whyNoWrapper(task), untrainable(task.model, task.plan.layers)),
  write: (task) =>
    wrapperSnippet(task, ({ title }) => ({
      className: `${title}Layer`,
      builds: `A new model with ${whatOf(task)} as a layer of its own class, and a new head. Training it trains both.`,
      comment: [
        `${whatOf(task)} as a layer. A layer that merely held a model would neither train nor save its weights:`,
        'the constructor makes them its own.',
      ],
      made: `new ${title}Layer({ base })`,
      members: (code) =>
        writeOwner(code, task, {
          args: 'args',
          kwargs: 'kwargs',
          register: [
            'this.trainableWeights = base.trainableWeights;',
            'this.nonTrainableWeights = base.nonTrainableWeights;',
          ],
        }),
    })),
};
