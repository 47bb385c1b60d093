/** The model, or its features, as one layer of a new model: functional, subclass, sequential, frozen, in a Lambda. */
import type { Head } from '../../../composing/composition';
import { resolveAddress } from '../../../model/address';
import type { Shape } from '../../../model/layerGraph';
import type { CodeSnippet } from '../../codeSnippet';
import type { CodeTask } from '../../codeTask';
import { Python } from '../../languages/python';
import { pythonString } from '../../languages/pythonLiterals';
import {
  inputCall,
  isWhole,
  modelTitle,
  taskNames,
  writeExtractor,
  writeLoader,
  type TaskNames,
} from '../../languages/pythonModel';
import { writePictureLoader } from '../../languages/pythonPictures';
import type { RecipeWriter } from '../../recipe';
import { whyNotExtracted } from './fits';

/** Why no head can stand on the features. */
function whyNoHead(task: CodeTask): string | null {
  const why = whyNotExtracted(task);
  if (why !== null) return why;
  for (const { address, shape, dtype } of task.plan.outputs) {
    if (shape === null) return `the shape of ${address} is not known`;
    if (dtype !== null && !dtype.includes('float')) return `${address} is ${dtype}: a head needs numbers to learn from`;
    const { layer, output } = resolveAddress(task.model.graph, address);
    // 3.15 takes the queries' length for that of the keys, too
    if (output > 0 && layer.className.endsWith('Attention')) return `Keras says a wrong shape for ${address}`;
    if (pooling(shape, task.options.head) === null) return `a head needs the size of ${address}, which is open`;
  }
  return null;
}

/** The layer that makes a vector of each example; `''` where there is one already, null where none can. */
function pooling(shape: Shape, head: Head | undefined): string | null {
  const known = typeof shape.at(-1) === 'number';
  if (shape.length === 2) return known ? '' : null;
  const how = head?.pooling ?? 'avg';
  if (how === 'none') return known ? '' : null;
  const dimensions = shape.length - 2;
  const kind = how === 'max' ? 'Max' : 'Average';
  if (how !== 'flatten' && dimensions >= 1 && dimensions <= 3)
    return known ? `keras.layers.Global${kind}Pooling${dimensions}D()` : null;
  return shape.slice(1).every((dim) => typeof dim === 'number') ? 'keras.layers.Flatten()' : null;
}

/** The layers behind the pooling; `classes` are the last one's units. */
function headLayers(head: Head | undefined): string[] {
  if (!head) return ['keras.layers.Dense(classes, activation="softmax")'];
  const last = head.layers.at(-1);
  return head.layers.map((layer) => {
    if (layer.kind === 'dropout') return `keras.layers.Dropout(${layer.rate})`;
    const activation = pythonString(layer.activation);
    if (layer.kind === 'activation') return `keras.layers.Activation(${activation})`;
    const units = layer === last ? 'classes' : String(layer.units);
    return `keras.layers.Dense(${units}${layer.activation === 'linear' ? '' : `, activation=${activation}`})`;
  });
}

function classesParameter(head: Head | undefined): string {
  const last = head?.layers.at(-1);
  return last?.kind === 'dense' ? `classes: int = ${last.units}` : 'classes: int';
}

/** The function that makes `base` of a loaded model; the whole model is one already. */
function writeBase(code: Python, task: CodeTask, names: TaskNames): () => void {
  writeLoader(code, task);
  if (isBase(task)) return () => undefined;
  return writeExtractor(code, task, names).helpers;
}

/** A model with several inputs or outputs may want or give them in a dict or a nest of lists; a base takes a list. */
function isBase(task: CodeTask): boolean {
  return isWhole(task) && task.plan.inputs.length === 1 && task.plan.outputs.length === 1;
}

/** Where `base` comes from, for docstrings. */
function baseNote(task: CodeTask, names: TaskNames): string {
  const loaded = `load_${modelTitle(task)}()`;
  return `base: ${isBase(task) ? loaded : `make_${names.title}_extractor(${loaded})`}.`;
}

interface Build {
  doc: (what: string) => string[];
  /** Lines before the head, and what the features are called there. */
  features: (code: Python, fed: string) => void;
  /** The class of the new model. */
  model?: string;
}

function writeFunctional(
  task: CodeTask,
  { doc, features, model = 'keras.Model' }: Build,
  before: (code: Python) => void = () => undefined,
): CodeSnippet {
  const code = new Python();
  const names = taskNames(task);
  const what = task.plan.outputs.map(({ address }) => address).join(', ');
  const helpers = writeBase(code, task, names);
  before(code);
  const inputs = names.inputs.map(({ name }) => name);
  const given = inputs.length === 1 ? inputs.join('') : `[${inputs.join(', ')}]`;
  code.function(
    {
      name: `build_${names.title}_classifier`,
      parameters: ['base: keras.Model', classesParameter(task.options.head)],
      returns: 'keras.Model',
      doc: [...doc(what), baseNote(task, names)],
    },
    () => {
      names.inputs.forEach(({ name }, i) => {
        const input = task.plan.inputs[i];
        if (input) code.line(`${name} = ${inputCall(input, inputs.length > 1 ? input.name : undefined)}`);
      });
      features(code, given);
      writeHead(code, task);
      code.call(`return ${model}`, [given, 'scores']);
    },
  );
  writePictureLoader(code, task);
  helpers();
  return code.snippet();
}

/** From `features` to `scores`. */
function writeHead(code: Python, { plan, options: { head } }: CodeTask): void {
  const layers = plan.outputs.map(({ shape }) => pooling(shape ?? [], head) ?? '');
  const [only] = layers;
  let vectors = 'vectors';
  if (layers.length === 1) {
    if (only) code.line(`vectors = ${only}(features)`);
    else vectors = 'features';
  } else {
    const parts = layers.map((layer, i) => (layer === '' ? `features[${i}]` : `${layer}(features[${i}])`));
    code.list('parts = ', parts);
    code.line('vectors = keras.layers.Concatenate()(parts)');
  }
  const behind = headLayers(head);
  behind.forEach((layer, i) => {
    const name = i === behind.length - 1 ? 'scores' : 'hidden';
    code.line(`${name} = ${layer}(${vectors})`);
    vectors = name;
  });
}

export const layerFunctional: RecipeWriter = {
  whyNot: whyNoHead,
  write: (task) =>
    writeFunctional(task, {
      doc: (what) => [
        `A new model with ${what} as one layer, and a head.`,
        'The weights inside are those of base: the new model trains and saves them, too.',
      ],
      features: (code, given) => code.line(`features = base(${given})`),
    }),
};

export const layerFrozen: RecipeWriter = {
  whyNot: whyNoHead,
  write: (task) =>
    writeFunctional(
      task,
      {
        doc: (what) => [
          `A new model with ${what} as one layer that training leaves alone, and a head.`,
          'The weights inside are those of base: the new model saves them and does not train them, and keeps the statistics of BatchNorm.',
        ],
        features: (code, given) => code.line(`features = Frozen(base)(${given})`),
        model: 'HeadTrainer',
      },
      (code) => {
        writeFrozen(code, task);
        writeHeadTrainer(code, task);
      },
    ),
};

/** A model that is called inside a functional one gets its `training`, whatever it was called with. */
function writeFrozen(code: Python, task: CodeTask): void {
  code.class(
    'Frozen(keras.layers.Layer)',
    [
      'Calls a model as it predicts, also while the model around trains.',
      'Called directly in a functional model, with `training=False`, it would train all the same: Keras hands it the `training` of the model around.',
    ],
    () => {
      code.function(
        { name: '__init__', parameters: ['self', 'base: keras.Model', '**kwargs'], returns: 'None', doc: [] },
        () => {
          code.line('super().__init__(**kwargs)');
          code.line('self.base = base');
        },
      );
      code.function({ name: 'call', parameters: ['self', 'inputs'], returns: null, doc: [] }, () =>
        code.line('return self.base(inputs, training=False)'),
      );
      writeConfig(code, 'Frozen', '');
    },
    [`@keras.saving.register_keras_serializable(package=${pythonString(modelTitle(task))})`],
  );
}

/** Flags cannot say it: they are the layers', and the layers are those of the model that the user goes on with. */
function writeHeadTrainer(code: Python, task: CodeTask): void {
  const listed = 'list[keras.Variable]';
  const property = (name: string, body: () => void): void =>
    code.function({ name, parameters: ['self'], returns: listed, doc: [], decorators: ['@property'] }, body);
  code.class(
    'HeadTrainer(keras.Model)',
    [
      'A model that does not train what is frozen in it.',
      '`base.trainable = False` would freeze the layers also where base got them from.',
    ],
    () => {
      property('trainable_variables', () => code.line('return self.without_base(super().trainable_variables)'));
      property('trainable_weights', () => code.line('return self.without_base(super().trainable_weights)'));
      property('non_trainable_variables', () => code.line('return without(self.variables, self.trainable_variables)'));
      property('non_trainable_weights', () => code.line('return without(self.weights, self.trainable_weights)'));
      code.function(
        { name: 'without_base', parameters: ['self', `variables: ${listed}`], returns: listed, doc: [] },
        () => {
          code.block('for layer in self.layers:', () =>
            code.block('if isinstance(layer, Frozen):', () =>
              code.line('variables = without(variables, layer.variables)'),
            ),
          );
          code.line('return variables');
        },
      );
    },
    [`@keras.saving.register_keras_serializable(package=${pythonString(modelTitle(task))})`],
  );
  code.function(
    {
      name: 'without',
      parameters: [`variables: ${listed}`, `others: ${listed}`],
      returns: listed,
      doc: [],
    },
    () => {
      code.line('ids = {id(other) for other in others}');
      code.line('return [variable for variable in variables if id(variable) not in ids]');
    },
  );
}

export const layerLambda: RecipeWriter = {
  whyNot: whyNoHead,
  write: (task) =>
    writeFunctional(task, {
      doc: (what) => [
        `A new model that calls base for ${what} in a Lambda layer, and a head.`,
        'The Lambda does not own the weights: the new model neither counts nor trains nor saves them. Save base by itself, and build the new model again. With JAX, compiled code keeps the weights that it found: after changing them, compile again.',
      ],
      features: (code, given) =>
        code.line(`features = keras.layers.Lambda(lambda x: base(x, training=False))(${given})`),
    }),
};

export const layerSequential: RecipeWriter = {
  whyNot: (task) => {
    const why = whyNoHead(task);
    if (why !== null) return why;
    return task.plan.inputs.length === 1 && task.plan.outputs.length === 1
      ? null
      : 'a Sequential has one input and one output';
  },
  write: (task) => {
    const code = new Python();
    const names = taskNames(task);
    const [input] = task.plan.inputs;
    const [output] = task.plan.outputs;
    const helpers = writeBase(code, task, names);
    code.function(
      {
        name: `build_${names.title}_classifier`,
        parameters: ['base: keras.Model', classesParameter(task.options.head)],
        returns: 'keras.Sequential',
        doc: [
          `A chain: ${output?.address ?? ''}, and a head.`,
          'The weights inside are those of base: the new model trains and saves them, too.',
          baseNote(task, names),
        ],
      },
      () => {
        const pool = pooling(output?.shape ?? [], task.options.head) ?? '';
        const layers = [input ? inputCall(input) : '', 'base', pool, ...headLayers(task.options.head)];
        code.list(
          'layers = ',
          layers.filter((layer) => layer !== ''),
        );
        code.line('return keras.Sequential(layers)');
      },
    );
    writePictureLoader(code, task);
    helpers();
    return code.snippet();
  },
};

export const layerSubclass: RecipeWriter = {
  whyNot: whyNoHead,
  write: (task) => {
    const code = new Python();
    const names = taskNames(task);
    const helpers = writeBase(code, task, names);
    writeClass(code, task, names);
    writePictureLoader(code, task);
    helpers();
    return code.snippet();
  },
};

function writeClass(code: Python, task: CodeTask, names: TaskNames): void {
  const what = task.plan.outputs.map(({ address }) => address).join(', ');
  const { head } = task.options;
  const pools = task.plan.outputs.map(({ shape }) => pooling(shape ?? [], head) ?? '');
  const several = pools.length > 1;
  code.class(
    `${names.classTitle}Classifier(keras.Model)`,
    [
      `${what}, and a head.`,
      'The weights of base are tracked, trained and saved with the class.',
      baseNote(task, names),
    ],
    () => {
      const parameters = ['self', 'base: keras.Model', classesParameter(head), '**kwargs'];
      code.function({ name: '__init__', parameters, returns: 'None', doc: [] }, () => {
        code.line('super().__init__(**kwargs)');
        code.line('self.base = base');
        code.line('self.classes = classes');
        pools.forEach((layer, i) => {
          if (layer !== '') code.line(`self.pooling${several ? `_${i + 1}` : ''} = ${layer}`);
        });
        if (several) code.line('self.join = keras.layers.Concatenate()');
        const [only, ...others] = headLayers(head);
        if (others.length === 0) code.line(`self.head = ${only ?? ''}`);
        else {
          code.list('layers = ', [only ?? '', ...others]);
          code.line('self.head = keras.Sequential(layers)');
        }
      });
      code.function({ name: 'call', parameters: ['self', 'inputs', 'training=None'], returns: null, doc: [] }, () => {
        code.line('features = self.base(inputs, training=training)');
        code.line(`return self.head(${vectorsOf(pools)})`);
      });
      writeConfig(code, `${names.classTitle}Classifier`, ', "classes": self.classes');
    },
    [`@keras.saving.register_keras_serializable(package=${pythonString(modelTitle(task))})`],
  );
}

/** `get_config` and `from_config` of a class around `base`; `more` is what the first has besides. */
function writeConfig(code: Python, className: string, more: string): void {
  code.function({ name: 'get_config', parameters: ['self'], returns: 'dict', doc: [] }, () => {
    code.line('base = keras.saving.serialize_keras_object(self.base)');
    code.line(`return {**super().get_config(), "base": base${more}}`);
  });
  code.function(
    {
      name: 'from_config',
      parameters: ['cls', 'config: dict'],
      returns: pythonString(className),
      doc: [],
      decorators: ['@classmethod'],
    },
    () => {
      code.line('base = keras.saving.deserialize_keras_object(config["base"])');
      code.line('return cls(**{**config, "base": base})');
    },
  );
}

function vectorsOf(pools: readonly string[]): string {
  const [only] = pools;
  if (pools.length === 1) return only ? 'self.pooling(features)' : 'features';
  const parts = pools.map((layer, i) => (layer === '' ? `features[${i}]` : `self.pooling_${i + 1}(features[${i}])`));
  return `self.join([${parts.join(', ')}])`;
}
