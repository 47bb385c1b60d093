/** The model as a layer that training leaves as it is, BatchNorm's statistics included. */
import { whatOf } from '../languages/typescriptNames';
import type { RecipeWriter } from '../recipe';
import { whyNoUntrained, wrapperSnippet, writeOwner } from './wrapperLayer';

export const layerFrozen: RecipeWriter = {
  whyNot: whyNoUntrained,
  write: (task) =>
    wrapperSnippet(task, ({ title }) => ({
      className: `Frozen${title}`,
      builds: `A new model with ${whatOf(task)} as a frozen layer, and a new head. Training it trains the head only.`,
      comment: [
        `${whatOf(task)} as a layer that is never trained, but saved. \`base.trainable = false\` is not enough:`,
        "BatchNorm's statistics would still move, and the model's own flags would change.",
      ],
      made: `new Frozen${title}({ base })`,
      members: (code) =>
        writeOwner(code, task, {
          args: '{ ...args, trainable: false }',
          kwargs: '{ ...kwargs, training: false }',
          register: ['this.nonTrainableWeights = base.weights;'],
        }),
    })),
};
