/** A layer class around the model: what `layer-subclass`, `layer-frozen` and `layer-lambda` share. */
import type { CodeSnippet } from '../codeSnippet';
import type { CodeTask } from '../codeTask';
import { headText, writeHeadedModel } from '../languages/typescriptHead';
import { snippet, type TypeScript } from '../languages/typescript';
import { writeBaseLoader } from '../languages/typescriptModel';
import { statefulIn, taskNames, type TaskNames } from '../languages/typescriptNames';
import { firstReason, noSubModel, unknownInput, unknownOutput, untrainable } from '../reasons';

export interface WrapperText {
  /** `FrozenConv2` */
  className: string;
  /** Of the class, and of the function that builds a model with it. */
  comment: readonly string[];
  builds: string;
  /** How a new one is made of `base`. */
  made: string;
  /** Writes the class's members. */
  members(code: TypeScript): void;
}

export function whyNoWrapper(task: CodeTask): string | null {
  return firstReason(noSubModel(task), unknownInput(task), unknownOutput(task));
}

/** Without a gradient for it, a model can still be called where no gradient is needed, if it has one output. */
export function whyNoUntrained(task: CodeTask): string | null {
  const several = task.plan.outputs.length > 1 ? untrainable(task.model, task.plan.layers) : null;
  return firstReason(whyNoWrapper(task), several);
}

export function wrapperSnippet(task: CodeTask, describe: (names: TaskNames) => WrapperText): CodeSnippet {
  return snippet(task, (code) => {
    const names = taskNames(task);
    const head = headText(code, task.options.head);
    const { className, comment, builds, made, members } = describe(names);
    writeBaseLoader(code, task, { name: `load${names.title}Base`, comment: [], functional: true });
    code.class(comment, `${className} extends tf.layers.Layer`, () => {
      code.line(`static className = '${className}';`);
      members(code);
    });
    code.line(`tf.serialization.registerClass(${className});`);
    code.function(
      [builds],
      {
        name: `build${names.title}Classifier`,
        parameters: [`base${code.type('tf.LayersModel')}`, head.classes],
        result: 'tf.LayersModel',
      },
      () => writeHeadedModel(code, names, made, head),
    );
  });
}

/**
 * Constructor, call and serialization of a layer that owns a model.
 * @param kwargs what the model is called with.
 * @param register lines of the constructor that make the model's weights the layer's.
 */
export function writeOwner(
  code: TypeScript,
  task: CodeTask,
  { kwargs, register, args }: { kwargs: string; register: readonly string[]; args: string },
): void {
  const override = code.typed('override ');
  if (code.typed('x')) code.line('private readonly base: tf.LayersModel;');
  code.method('constructor', [`{ base, ...args }${code.type('{ base: tf.LayersModel; name?: string }')}`], '', () => {
    code.line(`super(${args});`);
    code.line('this.base = base;');
    for (const line of register) code.line(line);
  });
  writeCall(code, task, kwargs);
  code.method(`${override}getConfig`, [], 'tf.serialization.ConfigDict', () =>
    code.line('return { ...super.getConfig(), base: this.base.getConfig() };'),
  );
  code.method(
    `static ${override}fromConfig${code.typed('<T extends tf.serialization.Serializable>')}`,
    [
      `cls${code.type('tf.serialization.SerializableConstructor<T>')}`,
      `config${code.type('tf.serialization.ConfigDict')}`,
    ],
    'T',
    () => {
      const config = `config['base']${code.cast('tf.serialization.ConfigDict')}`;
      code.line(`const base = tf.LayersModel.fromConfig(tf.LayersModel, ${config});`);
      code.line('return new cls({ ...config, base });');
    },
  );
}

/** What the layer lets `base` do. */
export function writeCall(code: TypeScript, task: CodeTask, kwargs: string): void {
  const base = 'this.base';
  const override = code.typed('override ');
  if (statefulIn(task) !== null) {
    code.method(`${override}get stateful`, [], 'boolean', () => code.line(`return ${base}.stateful;`));
    code.method(`${override}resetStates`, [], 'void', () => code.line(`${base}.resetStates();`));
  }
  code.method(
    `${override}computeOutputShape`,
    [`shape${code.type('tf.Shape | tf.Shape[]')}`],
    'tf.Shape | tf.Shape[]',
    () => code.line(`return ${base}.computeOutputShape(shape);`),
  );
  const tensors = 'tf.Tensor | tf.Tensor[]';
  const usesKwargs = kwargs.includes('kwargs');
  const untaped = mustLeaveTape(task) && kwargs.includes('training: false');
  code.method(
    `${override}call`,
    [`inputs${code.type(tensors)}`, ...(usesKwargs ? [`kwargs${code.type('Record<string, unknown>')}`] : [])],
    tensors,
    () => {
      if (!untaped) {
        code.line(`return ${base}.apply(inputs, ${kwargs})${code.cast(tensors)};`);
        return;
      }
      code.line('// TF.js has no gradient for a BatchNormalization without scale or center: none is taken here.');
      code.block(
        'const call = tf.customGrad(() => (',
        () => {
          code.line(`value: ${base}.apply(inputs, ${kwargs})${code.cast('tf.Tensor')},`);
          code.block(
            'gradFunc: () =>',
            () => code.line('throw new Error(`No gradient goes through ${this.name}.`);'),
            ',',
          );
        },
        '));',
      );
      code.line('return Array.isArray(inputs) ? call(...inputs) : call(inputs);');
    },
  );
}

function mustLeaveTape({ model, plan }: CodeTask): boolean {
  return untrainable(model, plan.layers) !== null;
}
