/** Helpers that generated TypeScript carries along: each is written once, behind what needs it. */
import type { TypeScript } from './typescript';

export type TypeScriptPart = 'expectShape' | 'inputsOf' | 'layerAt' | 'SharedLayer' | 'callAgain' | 'copyWeights';

export const typescriptParts: Readonly<Record<TypeScriptPart, (code: TypeScript) => void>> = {
  expectShape,
  inputsOf,
  layerAt,
  SharedLayer: sharedLayer,
  callAgain,
  copyWeights,
};

function expectShape(code: TypeScript): void {
  const parameters = [
    `layer${code.type('string')}`,
    `tensor${code.type('tf.SymbolicTensor | undefined')}`,
    `shape${code.type('(number | null)[]')}`,
  ];
  code.function([], { name: 'expectShape', parameters, result: 'tf.SymbolicTensor', exported: false }, () => {
    code.block('if (!tensor || JSON.stringify(tensor.shape) !== JSON.stringify(shape))', () => {
      code.line('const found = JSON.stringify(tensor?.shape);');
      code.line('throw new Error(`Layer ${layer} should give ${JSON.stringify(shape)}, not ${found}.`);');
    });
    code.line('return tensor;');
  });
}

function inputsOf(code: TypeScript): void {
  const parameters = [`nested${code.type('tf.LayersModel')}`, `call${code.type('number')}`];
  code.function(
    ['The tensors that the model around hands to a nested model; call 0 is its own construction.'],
    { name: 'inputsOf', parameters, result: 'tf.SymbolicTensor[]', exported: false },
    () => {
      code.line('const node = nested.inboundNodes[call];');
      code.line('if (!node) throw new Error(`${nested.name} has no call ${call}.`);');
      code.line('return node.inputTensors;');
    },
  );
}

function layerAt(code: TypeScript): void {
  const parameters = [
    `model${code.type('tf.LayersModel')}`,
    `index${code.type('number')}`,
    `name${code.type('string')}`,
  ];
  code.function([], { name: 'layerAt', parameters, result: 'tf.layers.Layer', exported: false }, () => {
    code.line('const layer = model.layers[index];');
    code.line('if (layer?.name !== name) throw new Error(`Layer ${index} is ${layer?.name}, not ${name}.`);');
    code.line('return layer;');
  });
}

function sharedLayer(code: TypeScript): void {
  const override = code.typed('override ');
  const shape = `shape${code.type('tf.Shape | tf.Shape[]')}`;
  const tensors = 'tf.Tensor | tf.Tensor[]';
  code.class(
    [
      "A layer of another model, its weights included, that leaves that model's own connections alone:",
      'called itself, the layer would have two outputs, and asking for its output would throw.',
      'It is saved as the layer that it stands for.',
    ],
    'SharedLayer extends tf.layers.Layer',
    () => {
      if (code.typed('x')) {
        code.line('private readonly layer: tf.layers.Layer;');
        code.blank();
      }
      code.block(`constructor(layer${code.type('tf.layers.Layer')})`, () => {
        code.line('super({ name: layer.name });');
        code.line('this.layer = layer;');
        code.line('this.supportsMasking = layer.supportsMasking;');
        code.line('this.trainableWeights = layer.trainableWeights;');
        code.line('this.nonTrainableWeights = layer.nonTrainableWeights;');
      });
      code.method(`${override}computeOutputShape`, [shape], 'tf.Shape | tf.Shape[]', () =>
        code.line('return this.layer.computeOutputShape(shape);'),
      );
      code.method(
        `${override}computeMask`,
        [`inputs${code.type(tensors)}`, `mask${code.typed('?')}${code.type(tensors)}`],
        tensors,
        () => code.line('return this.layer.computeMask(inputs, mask);'),
      );
      code.method(
        `${override}call`,
        [`inputs${code.type(tensors)}`, `kwargs${code.type('Record<string, unknown>')}`],
        tensors,
        () => code.line(`return this.layer.apply(inputs, kwargs)${code.cast(tensors)};`),
      );
      code.method(`${override}getClassName`, [], 'string', () => code.line('return this.layer.getClassName();'));
      code.method(`${override}getConfig`, [], 'tf.serialization.ConfigDict', () =>
        code.line('return this.layer.getConfig();'),
      );
    },
    { exported: false },
  );
}

function callAgain(code: TypeScript): void {
  code.part('SharedLayer');
  const parameters = [
    `tensor${code.type('tf.SymbolicTensor')}`,
    `known${code.type('Map<tf.SymbolicTensor, tf.SymbolicTensor>')}`,
    `layers = new Map${code.typed('<tf.layers.Layer, SharedLayer>')}()`,
  ];
  code.function(
    ['The tensor as the same layers make it of other inputs, which stand in `known` under the tensors they replace.'],
    { name: 'callAgain', parameters, result: 'tf.SymbolicTensor', exported: false },
    () => {
      code.line('const { sourceLayer, nodeIndex, tensorIndex } = tensor;');
      code.line('const node = sourceLayer.inboundNodes[nodeIndex];');
      code.block('if (!known.has(tensor) && node && node.inputTensors.length > 0)', () => {
        code.line('const inputs = node.inputTensors.map((input) => callAgain(input, known, layers));');
        code.line('const layer = layers.get(sourceLayer) ?? new SharedLayer(sourceLayer);');
        code.line('layers.set(sourceLayer, layer);');
        code.line('const only = inputs.length === 1 ? inputs[0] : undefined;');
        code.line(
          `const made = layer.apply(only ?? inputs, node.callArgs)${code.cast('tf.SymbolicTensor | tf.SymbolicTensor[]')};`,
        );
        code.line('node.outputTensors.forEach((output, i) => {');
        code.line('  const again = Array.isArray(made) ? made[i] : made;');
        code.line('  if (again) known.set(output, again);');
        code.line('});');
      });
      code.line('const found = known.get(tensor);');
      code.block('if (!found)', () =>
        code.line('throw new Error(`Output ${tensorIndex} of ${sourceLayer.name} does not follow from the inputs.`);'),
      );
      code.line('return found;');
    },
  );
}

function copyWeights(code: TypeScript): void {
  const parameters = [`from${code.type('tf.LayersModel')}`, `to${code.type('tf.LayersModel')}`];
  code.function(
    ["Layer by layer: in what order a whole model's getWeights() comes hangs on which of its layers are trainable."],
    { name: 'copyWeights', parameters, result: 'void', exported: false },
    () =>
      code.block('for (const layer of from.layers)', () => {
        code.line('const twin = to.getLayer(layer.name);');
        code.line(`if (layer instanceof tf.LayersModel) copyWeights(layer, twin${code.cast('tf.LayersModel')});`);
        code.line('else twin.setWeights(layer.getWeights());');
      }),
  );
}
