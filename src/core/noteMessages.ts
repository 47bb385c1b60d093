/** Sentences for repairs and notes; see `messages.ts` for how a variant is chosen. */
import type { Variant } from './messageText';

/** `{count}` variants say it of many layers at once. */
export const REPAIRS: Record<string, readonly Variant[]> = {
  'batch-shape': [
    {
      message:
        'The inputs {name} and others ({count} in all): Keras 3\'s "batch_shape" is read as "batch_input_shape".',
    },
    { message: 'The input {name}: Keras 3\'s "batch_shape" is read as "batch_input_shape".' },
  ],
  'inbound-nodes': [
    { message: "The calls of {name} and other layers ({count} in all), in Keras 3's way, are read in Keras 2's." },
    { message: "The calls of {name}, in Keras 3's way, are read in Keras 2's." },
  ],
  'flat-ports': [
    { message: 'Single tensors in "{key}" are read as lists of one ({count} models).' },
    { message: 'The single tensor in "{key}" is read as a list of one.' },
  ],
  'structured-ports': [
    { message: 'The named or nested tensors in "{key}" are read as a flat list, in Keras\'s order.' },
  ],
  'dtype-policy': [
    { message: 'The dtype policies of {name} and other layers ({count} in all) are read by their name, {to}.' },
    { message: 'The dtype policy of {name} is read by its name, {to}.' },
  ],
  'activation-object': [
    { message: 'The {key} of {name} and other layers ({count} in all) is read by its name, {to}.' },
    { message: 'The {key} of {name} is read by its name, {to}.' },
  ],
  'activation-name': [
    { message: 'The {key} {from} of {name} and other layers ({count} in all) is called {to} in TensorFlow.js.' },
    { message: 'The {key} {from} of {name} is called {to} in TensorFlow.js.' },
  ],
  'separable-keys': [
    {
      message:
        'Keys that separable convolutions do not use ({keys}) are left out of {name} and others ({count} in all).',
    },
    { message: 'Keys that a separable convolution does not use ({keys}) are left out of {name}.' },
  ],
  'layer-name': [
    { message: 'Layers without a name ({count}) got one: {name} and others.' },
    { message: 'A layer without a name got one: {name}.' },
  ],
  'sequential-list': [{ message: 'A Sequential written as a bare list of layers is read as one with "layers".' }],
  'input-shape': [
    { message: 'The first layer {layer} says no input shape: it is taken from the shape the model was built with.' },
  ],
};

export const NOTES: Record<string, readonly Variant[]> = {
  'batch-added': [{ message: 'A batch dimension was added in front.' }],
  'batch-repeated': [{ message: 'The picture was repeated {count} times to fill the batch.' }],
  'dimension-assumed': [{ message: 'Axis {axis} is unknown in the model and was taken as {size}.' }],
  'integer-range-assumed': [{ message: 'Nothing says how large the whole numbers may be; they are below {below}.' }],
  'picture-16-bit': [{ message: '{file} has 16 bits a channel, which Keras cuts off at 255.' }],
  'composed-copy': [{ message: 'The new file holds its own copy of the weights of {file} (layer {layer}).' }],
  'composed-shared': [{ message: '{layer} is one layer that is called twice: both calls use the same weights.' }],
  'composed-frozen-norms': [
    {
      message:
        'TensorFlow.js moves the statistics of BatchNormalization in training, frozen or not: in {layer} ({count} of them) the momentum is 1, so that they stay. While it trains, it still scales by the statistics of each batch; the recipe layer-frozen does not.',
    },
  ],
  'composed-untrainable': [
    {
      message:
        'TensorFlow.js cannot train {layer}: fit() throws at {norm}, a BatchNormalization without scale or center. Freeze it.',
    },
  ],
};
