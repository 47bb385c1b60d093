/** The weights of a class in generated code: with the shapes that the model's file holds, in its order. */
import type { Layer, Shape, Weight } from '../model/layerGraph';
import type { TypeScript } from './languages/typescript';
import { camelCase, commentText, shapeLiteral, stringLiteral } from './literals';
import { memberAccess, type ConfigMember } from './stubConfig';

/** A layer of the class, and the shapes of what its first call reads. */
export interface StubLayer {
  address: string;
  layer: Layer;
  inputs: (Shape | null)[];
}

interface StubWeight {
  /** Field of the class. */
  field: string;
  /** Arguments of `addWeight`. */
  args: string;
  /** What its sizes may come from. */
  comment: string;
}

export interface StubWeights {
  /** Null where they differ from layer to layer: then they stand in a table. */
  fields: readonly StubWeight[] | null;
  /** Whether an expression reads the last size of the layer's input. */
  usesInput: boolean;
  writeTable(code: TypeScript): void;
}

const TABLE = 'weightsOfLayers';
const FIELD = 'ownWeights';
const INPUT_SIZE = 'inputSize';

/** Members of TF.js's Layer, and of the class itself. */
const MEMBERS = new Set(
  (
    'name inputSpec supportsMasking trainable batchInputShape dtype initialWeights inboundNodes outboundNodes activityRegularizer ' +
    'trainableWeights nonTrainableWeights weights losses updates built callHook addedWeightNames stateful refCount id input output ' +
    'fastWeightInitDuringBuild config build call apply constructor countParams getWeights setWeights addWeight addLoss computeOutputShape ' +
    'computeMask getConfig dispose disposeWeights assertNotDisposed getClassName resetStates getInputAt getOutputAt calculateLosses ' +
    'setCallHook clearCallHook invokeCallHook warnOnIncompatibleInputShape assertInputCompatibility setFastWeightInitDuringBuild ' +
    'getNodeAtIndex setMaskMetadata addInboundNode outputShape toString valueOf hasOwnProperty isPrototypeOf propertyIsEnumerable ' +
    'toLocaleString className fromConfig nodeKey prototype'
  ).split(' '),
);

export function stubWeights(layers: readonly StubLayer[], members: readonly ConfigMember[]): StubWeights {
  const sizes = new Sizes(layers, members);
  const fields = fieldsOf(layers, sizes);
  return {
    fields,
    usesInput: sizes.usesInput,
    writeTable: (code) => {
      if (!fields) writeTable(code, layers);
    },
  };
}

function fieldsOf(layers: readonly StubLayer[], sizes: Sizes): StubWeight[] | null {
  const [first] = layers;
  const taken = new Set(MEMBERS);
  const names = new Set<string>();
  const fields: StubWeight[] = [];
  const counts = new Set(layers.map(({ layer }) => layer.weights.length));
  if (!first || counts.size > 1) return null;
  for (const [at, weight] of first.layer.weights.entries()) {
    const same = layers.flatMap(({ layer }) => layer.weights[at] ?? []);
    if (same.some((one) => one.name !== weight.name || one.shape.length !== weight.shape.length)) return null;
    const dims = weight.shape.map((_, axis) => sizes.dim(same.map(({ shape }) => shape[axis] ?? null)));
    if (dims.some((dim) => dim === null)) return null;
    fields.push({
      field: unused(camelCase(weight.name, 'weight'), taken, (i) => String(i)),
      args: weightArgs(
        unused(weightName(weight), names, (i) => `_${i}`),
        `[${dims.join(', ')}]`,
        weight,
      ),
      comment: sizes.origins(weight.shape),
    });
  }
  return fields;
}

function unused(name: string, taken: Set<string>, suffix: (i: number) => string): string {
  let free = name;
  for (let i = 2; taken.has(free); i += 1) free = `${name}${suffix(i)}`;
  taken.add(free);
  return free;
}

function weightArgs(name: string, shape: string, weight: Weight): string {
  const rest = weight.trainable ? '' : ', undefined, false';
  return `${stringLiteral(name)}, ${shape}, '${dataType(weight)}', tf.initializers.zeros()${rest}`;
}

/** As TF.js lets weights be called. */
function weightName({ name }: Weight): string {
  const plain = name.replace(/[^-\w./]/g, '_');
  return /^[A-Za-z0-9]/.test(plain) ? plain : `weight${plain}`;
}

/** TF.js has one type of whole numbers, and one of others. */
function dataType({ dtype }: Weight): string {
  if (/^u?int/.test(dtype)) return 'int32';
  return dtype === 'bool' ? 'bool' : 'float32';
}

/** What the sizes of weights are made of. */
class Sizes {
  usesInput = false;
  /** Text of an expression, what it is for people, and its value for each layer. */
  private readonly sources: { text: string; label: string; values: (number | null)[] }[];

  constructor(
    private readonly layers: readonly StubLayer[],
    members: readonly ConfigMember[],
  ) {
    this.sources = [
      {
        text: INPUT_SIZE,
        label: 'the last size of what it reads',
        values: layers.map(({ inputs }) => inputs[0]?.at(-1) ?? null),
      },
      ...members.map(({ key, name }) => ({
        text: memberAccess('this.config', key),
        label: name,
        values: layers.map(({ layer }) => {
          const value = Object.hasOwn(layer.config, name) ? layer.config[name] : null;
          return typeof value === 'number' ? value : null;
        }),
      })),
    ];
  }

  /** A number where it is the same for all layers, else what it can be worked out from; null where nothing fits. */
  dim(values: readonly (number | null)[]): string | null {
    const [first = null] = values;
    if (first !== null && values.every((value) => value === first)) return String(first);
    const source = this.sources.find((one) => one.values.every((value, i) => value !== null && value === values[i]));
    if (!source) return null;
    if (source.text === INPUT_SIZE) this.usesInput = true;
    return source.text;
  }

  /** `8: the last size of what it reads; 6: features`, of the first layer. */
  origins(shape: readonly (number | null)[]): string {
    const found = [...new Set(shape)].flatMap((size) => {
      const labels = this.sources.filter(({ values }) => size !== null && size > 1 && values[0] === size);
      return labels.length > 0 ? [`${size}: ${labels.map(({ label }) => label).join(' or ')}`] : [];
    });
    return found.join('; ');
  }
}

function writeTable(code: TypeScript, layers: readonly StubLayer[]): void {
  code.line('// The weights of each layer in the file, in its order.');
  const type = '<string, { name: string; shape: number[]; dtype: tensorflow.DataType; trainable: boolean }[]>';
  const rows = new Map<string, string>();
  for (const { layer } of layers) {
    const names = new Set<string>();
    const weights = layer.weights.map((weight) => {
      const name = unused(weightName(weight), names, (i) => `_${i}`);
      return `{ name: ${stringLiteral(name)}, shape: ${shapeLiteral(weight.shape)}, dtype: '${dataType(weight)}', trainable: ${weight.trainable} }`;
    });
    // layers of one name in several models: the first counts
    if (!rows.has(layer.name)) rows.set(layer.name, `[${stringLiteral(layer.name)}, [${weights.join(', ')}]],`);
  }
  code.line(`const ${TABLE} = new Map${code.typed(type)}([`);
  code.indented(() => {
    for (const row of rows.values()) code.line(row);
  });
  code.line(']);');
}

export function writeWeightFields(code: TypeScript, { fields }: StubWeights): void {
  if (!fields) code.line(`${code.typed('protected ')}${FIELD}${code.type('tensorflow.LayerVariable[]')} = [];`);
  else if (code.typed('typed'))
    for (const { field } of fields) code.line(`protected ${field}!: tensorflow.LayerVariable;`);
}

export function writeBuild(code: TypeScript, { fields, usesInput }: StubWeights): void {
  if (fields?.length === 0) return;
  code.method(`${code.typed('override ')}build`, [`inputShape${code.type('Shape | Shape[]')}`], 'void', () => {
    if (usesInput) {
      code.line('const [first] = inputShape;');
      code.line(
        `const shape = ${code.typed('(')}Array.isArray(first) ? first : inputShape${code.typed(') as Shape')};`,
      );
      code.line(`const ${INPUT_SIZE} = shape[shape.length - 1] ?? 1;`);
    }
    for (const { field, args, comment } of fields ?? []) {
      if (comment !== '') code.line(`// ${commentText(comment)}`);
      code.line(`this.${field} = this.addWeight(${args});`);
    }
    if (!fields) {
      code.block(
        `this.${FIELD} = (${TABLE}.get(this.name) ?? []).map(({ name, shape, dtype, trainable }) =>`,
        () => {
          code.line('return this.addWeight(name, shape, dtype, tf.initializers.zeros(), undefined, trainable);');
        },
        ');',
      );
    }
    code.line('super.build(inputShape);');
  });
}
