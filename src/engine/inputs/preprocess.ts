/** 0…255 → what the network gets: Keras's `preprocess_input` families, in float32 step by step as NumPy computes them. */
import type { Preprocessing } from '../../protocol/engine';
import type { LoadedPicture } from './images/loadPicture';

type PreprocessingStep = Pick<Preprocessing, 'range' | 'colorMode' | 'layout' | 'scale' | 'offset' | 'mean' | 'std'>;

const torchMean = [0.485, 0.456, 0.406];
const torchStd = [0.229, 0.224, 0.225];
/** Red, green, blue. */
const caffeMean = [123.68, 116.779, 103.939];

/** float32(float32(v × multiply or v / divide) + add), per colour of the picture. */
type Step = (value: number) => number;

/**
 * Values of one picture as the tensor wants them: `[height, width, channels]` or `[channels, height, width]`.
 *
 * `unit` v/255; `signed` v/127.5 − 1; `torch` v/255, then ImageNet's mean and standard deviation; `caffe` minus ImageNet's
 * means, always blue first; `custom` v·scale + offset, then (v − mean)/std with `mean` and `std` in the tensor's channel
 * order. Grey pictures use the average of the families' three means and deviations.
 */
export function preprocess(picture: LoadedPicture, options: PreprocessingStep): Float32Array {
  const { channels, values } = picture;
  const positions = picture.width * picture.height;
  const reversed = channels >= 3 && (options.colorMode === 'bgr' || options.range === 'caffe');
  const result = new Float32Array(values.length);
  const first = options.layout === 'channels_first';
  for (let channel = 0; channel < channels; channel++) {
    // Alpha, where there is one, stays last.
    const color = reversed && channel < 3 ? 2 - channel : channel;
    const step = stepOf(options, channels, color, channel);
    for (let i = 0; i < positions; i++) {
      result[first ? channel * positions + i : i * channels + channel] = step(values[i * channels + color] as number);
    }
  }
  return result;
}

function stepOf(options: PreprocessingStep, channels: number, color: number, channel: number): Step {
  const { fround } = Math;
  switch (options.range) {
    case 'none':
      return (value) => value;
    case 'unit':
      return (value) => value / 255;
    case 'signed':
      return (value) => fround(value / 127.5) - 1;
    case 'torch': {
      const mean = fround(ofColor(torchMean, channels, color));
      const std = fround(ofColor(torchStd, channels, color));
      return (value) => fround(fround(value / 255) - mean) / std;
    }
    case 'caffe': {
      const mean = fround(ofColor(caffeMean, channels, color));
      return (value) => value - mean;
    }
    case 'custom': {
      const scale = options.scale ?? 1;
      const offset = options.offset ?? 0;
      const mean = listed(options.mean, channel, 0);
      const std = listed(options.std, channel, 1) || 1;
      return (value) => (value * scale + offset - mean) / std;
    }
  }
}

function ofColor(values: readonly number[], channels: number, color: number): number {
  if (channels < 3) return values.reduce((sum, value) => sum + value, 0) / values.length;
  return values[color] ?? 0;
}

/** One value for all channels, or one each. */
function listed(values: readonly number[] | undefined, channel: number, otherwise: number): number {
  return values?.[channel] ?? (values?.length === 1 ? values[0] : undefined) ?? otherwise;
}
