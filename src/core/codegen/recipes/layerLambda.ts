/** A layer that calls the model and owns nothing of it: what a Lambda is in Keras. */
import { whatOf } from '../languages/typescriptNames';
import type { RecipeWriter } from '../recipe';
import { whyNoUntrained, wrapperSnippet, writeCall } from './wrapperLayer';

export const layerLambda: RecipeWriter = {
  whyNot: whyNoUntrained,
  write: (task) =>
    wrapperSnippet(task, ({ title }) => {
      const className = `${title}Call`;
      return {
        className,
        builds: `A new model that calls ${whatOf(task)}, and a new head. Training it trains the head only.`,
        comment: [
          `Calls ${whatOf(task)}. TF.js has no Lambda: this layer neither trains nor saves the weights of \`base\`,`,
          `so set ${className}.base before you load a model that was saved with it.`,
        ],
        made: `new ${className}({ base })`,
        members: (code) => {
          code.line(`static base${code.type('tf.LayersModel | undefined')};`);
          if (code.typed('x')) code.line('private readonly base: tf.LayersModel;');
          const parameter = `{ base = ${className}.base, ...args }${code.type('{ base?: tf.LayersModel | undefined; name?: string }')}`;
          code.method('constructor', [parameter], '', () => {
            code.line('super(args);');
            code.line(`if (!base) throw new Error('Set ${className}.base first.');`);
            code.line('this.base = base;');
          });
          writeCall(code, task, '{ training: false }');
        },
      };
    }),
};
