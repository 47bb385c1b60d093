/** The preprocessing that a model most likely wants. */
import type { LayerGraph, Shape } from '../model/layerGraph';
import type { ModelFile } from '../model/modelFile';
import type { Preprocessing } from '../model/preprocessing';
import { effectiveLayer, inputConsumers, type Consumer } from './inputConsumers';
import { pictureTarget, type PictureTarget } from './pictureTarget';

type Range = Preprocessing['range'];

/** Side of the picture where the model leaves it open: what most networks for pictures were trained with. */
const openSide = 224;

/** Each family's `preprocess_input`, by the names that `keras.applications` gives its models. First match counts. */
const families: { name: RegExp; family: string; range: Range }[] = [
  { name: /mobilenet_?v3/i, family: 'MobileNetV3', range: 'none' },
  { name: /efficientnet/i, family: 'EfficientNet', range: 'none' },
  { name: /convnext/i, family: 'ConvNeXt', range: 'none' },
  { name: /regnet/i, family: 'RegNet', range: 'none' },
  { name: /mobilenet/i, family: 'MobileNet', range: 'signed' },
  { name: /inception/i, family: 'Inception', range: 'signed' },
  { name: /xception/i, family: 'Xception', range: 'signed' },
  { name: /nasnet/i, family: 'NASNet', range: 'signed' },
  { name: /resnet\d*_?v2/i, family: 'ResNetV2', range: 'signed' },
  { name: /resnet/i, family: 'ResNet', range: 'caffe' },
  { name: /vgg/i, family: 'VGG', range: 'caffe' },
  { name: /densenet/i, family: 'DenseNet', range: 'torch' },
];

/** What may stand before a model's own scaling without changing what it is. */
const beforeScaling = new Set([
  'Resizing',
  'CenterCrop',
  'ZeroPadding2D',
  'Cropping2D',
  'Reshape',
  'Permute',
  'Dropout',
  'GaussianNoise',
  'Identity',
  'Cast',
  'RandomFlip',
  'RandomRotation',
  'RandomZoom',
  'RandomContrast',
  'RandomBrightness',
  'RandomCrop',
  'RandomTranslation',
  'RandomHeight',
  'RandomWidth',
  'ExpandDims',
  'GetItem',
  'ResizeBilinear',
  'ResizeNearestNeighbor',
  'Placeholder',
]);
const scalingLayers = new Set(['Rescaling', 'Normalization']);
/** Operations (Keras 3's, TFOpLambda's, graph-models') that scale when they read the input itself. */
const scalingOperations = new Set(['TrueDivide', 'Divide', 'Subtract', 'RealDiv', 'Div', 'Sub', 'Mul', 'Multiply']);
const scalingFunctions = /(truediv|divide|subtract|multiply|preprocess)/i;

/**
 * The preprocessing for pictures that CLI and editor call `auto`: nothing when the model scales its input itself, else
 * what its family's `preprocess_input` does where its name says it, else 0–1. Size, colours and layout from the input's
 * shape; nearest neighbour and Pillow, as Keras's `load_img`. `reason` says why, for people.
 */
export function autoPreprocessing(model: ModelFile, inputName: string): Preprocessing {
  const target = pictureTargetOf(model, inputName);
  const { range, reason } = chooseRange(model, inputName);
  const colored = target?.channels !== 1;
  return {
    width: target?.width ?? openSide,
    height: target?.height ?? openSide,
    resize: 'pillow',
    interpolation: 'nearest',
    // `caffe` hands out blue first; the field says what will be done.
    colorMode: !colored ? 'grayscale' : range === 'caffe' ? 'bgr' : 'rgb',
    layout: target?.layout ?? 'channels_last',
    range,
    reason,
  };
}

/** How the input `inputName` wants a picture; null when it is no picture. */
export function pictureTargetOf(model: ModelFile, inputName: string): PictureTarget | null {
  return pictureTarget(inputShape(model, inputName), dataFormat(model, inputName));
}

function inputShape(model: ModelFile, inputName: string): Shape | null {
  const input = model.graph.inputs.find((candidate) => candidate.name === inputName);
  if (!input) return null;
  const layer = model.graph.layers.find((candidate) => candidate.name === input.layer);
  return layer?.calls[input.call]?.outputs[input.output]?.shape ?? null;
}

/** `data_format` of the first layer on the input's way that has one. */
function dataFormat(model: ModelFile, inputName: string): PictureTarget['layout'] | null {
  const keepsLayout = (className: string): boolean =>
    beforeScaling.has(className) ||
    scalingLayers.has(className) ||
    /^(BatchNormalization|Activation|ReLU|Add)$/.test(className);
  for (const { layer } of inputConsumers(model, inputName, ({ layer }) => keepsLayout(layer.className))) {
    const format = effectiveLayer(layer).config.data_format;
    if (format === 'channels_first' || format === 'channels_last') return format;
  }
  return null;
}

function chooseRange(model: ModelFile, inputName: string): { range: Range; reason: string } {
  const scaling = ownScaling(model, inputName);
  if (scaling?.takesUnit) {
    return { range: 'unit', reason: `the model scales 0 to 1 further itself (${scaling.name})` };
  }
  if (scaling) return { range: 'none', reason: `the model scales its input itself (${scaling.name})` };
  for (const name of modelNames(model.graph)) {
    const family = families.find((candidate) => candidate.name.test(name));
    if (family)
      return {
        range: family.range,
        reason: `preprocess_input of ${family.family}, because the model is called ${name}`,
      };
  }
  if (isTeachableMachine(model)) return { range: 'signed', reason: 'Teachable Machine trains pictures with -1 to 1' };
  return { range: 'unit', reason: 'nothing says otherwise: 0 to 1' };
}

/** The layer that scales the input before anything is learned from it; null when there is none. */
function ownScaling(model: ModelFile, inputName: string): { name: string; takesUnit: boolean } | null {
  for (const consumer of inputConsumers(model, inputName, ({ layer }) => beforeScaling.has(layer.className))) {
    const { layer } = consumer;
    const called = layer.config.function;
    const scales =
      (layer.isLayer ? scalingLayers : scalingOperations).has(layer.className) ||
      (/^(TFOpLambda|Lambda)$/.test(layer.className) && typeof called === 'string' && scalingFunctions.test(called));
    if (scales) return { name: layer.name, takesUnit: takesUnit(consumer) };
  }
  return null;
}

/**
 * Whether what is scaled is 0 to 1 already: a factor such as 2 (to −1…1) would make nothing sensible of 0 to 255.
 * TensorFlow Hub's modules for pictures take 0 to 1 by their contract; their constants are not in the topology.
 */
function takesUnit({ layer, call }: Consumer): boolean {
  if (/(^|\/)hub_input\//.test(layer.name)) return true;
  if (layer.className === 'Rescaling') return typeof layer.config.scale === 'number' && layer.config.scale >= 0.5;
  const constants = [...call.args, ...Object.values(call.kwargs)].flatMap((argument) =>
    argument.kind === 'constant' && typeof argument.value === 'number' ? [argument.value] : [],
  );
  const operation = typeof layer.config.function === 'string' ? layer.config.function : layer.className;
  const [constant] = constants;
  if (constant === undefined) return false;
  return /div/i.test(operation) ? constant <= 2 : /mul/i.test(operation) && constant >= 0.5;
}

/** The model's name, then those of nested models, outer ones first. */
function modelNames(graph: LayerGraph): string[] {
  const names: string[] = [];
  const queue = [graph];
  for (let i = 0; i < queue.length; i++) {
    const current = queue[i] as LayerGraph;
    names.push(current.name);
    for (const layer of current.layers) if (layer.graph) queue.push(layer.graph);
  }
  return names;
}

/** Its picture models: a Sequential whose first layer is a Sequential around a cut MobileNet that it calls `model1`. */
function isTeachableMachine(model: ModelFile): boolean {
  const first = model.graph.layers.find((layer) => layer.graph)?.graph;
  const inner = first?.layers.find((layer) => layer.graph);
  return model.graph.kind === 'sequential' && first?.kind === 'sequential' && inner?.name === 'model1';
}
