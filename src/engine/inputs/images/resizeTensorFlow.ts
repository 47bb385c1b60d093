/** TensorFlow 2's `tf.image.resize(antialias=False)`: half-pixel centres, as `Resizing` layers and input pipelines compute it. */

export type TensorFlowMethod = 'nearest' | 'bilinear' | 'bicubic';

export interface Raster {
  /** `[height, width, channels]` */
  values: Float32Array;
  width: number;
  height: number;
  channels: number;
}

/** Up to four input positions and weights for each output position. */
interface Taps {
  count: number;
  indices: Int32Array;
  weights: Float32Array;
}

/** The raster at `width × height`: `[height, width, channels]`, in float32 as TensorFlow computes. */
export function resizeTensorFlow(
  source: Raster,
  width: number,
  height: number,
  method: TensorFlowMethod,
): Float32Array {
  if (width === source.width && height === source.height) return source.values;
  const across = taps(source.width, width, method);
  const down = taps(source.height, height, method);
  const { values, channels } = source;
  const result = new Float32Array(width * height * channels);
  const stride = source.width * channels;
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < channels; channel++, to++) {
        let sum = 0;
        for (let j = 0; j < down.count; j++) {
          const row = (down.indices[y * down.count + j] as number) * stride + channel;
          let line = 0;
          for (let i = 0; i < across.count; i++) {
            const at = row + (across.indices[x * across.count + i] as number) * channels;
            line += (values[at] as number) * (across.weights[x * across.count + i] as number);
          }
          sum += line * (down.weights[y * down.count + j] as number);
        }
        result[to] = sum;
      }
    }
  }
  return result;
}

function taps(inputSize: number, size: number, method: TensorFlowMethod): Taps {
  const count = method === 'nearest' ? 1 : method === 'bilinear' ? 2 : 4;
  const indices = new Int32Array(size * count);
  const weights = new Float32Array(size * count);
  const scale = Math.fround(inputSize / size);
  for (let i = 0; i < size; i++) {
    const position = Math.fround(Math.fround(i + 0.5) * scale);
    if (method === 'nearest') {
      indices[i] = Math.min(inputSize - 1, Math.floor(position));
      weights[i] = 1;
      continue;
    }
    const at = Math.fround(position - 0.5);
    const floor = Math.floor(at);
    const fraction = at - floor;
    // TensorFlow takes bicubic weights from a table of 1024 steps.
    const raw = method === 'bilinear' ? [1 - fraction, fraction] : cubic(Math.round(fraction * 1024) / 1024);
    // Bilinear repeats the border; bicubic leaves out what is beyond it and weighs the rest up again.
    const first = method === 'bilinear' ? floor : floor - 1;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const index = first + k;
      const inside = index >= 0 && index < inputSize;
      indices[i * count + k] = Math.min(inputSize - 1, Math.max(0, index));
      const weight = inside || method === 'bilinear' ? (raw[k] as number) : 0;
      weights[i * count + k] = weight;
      sum += weight;
    }
    if (sum !== 1 && sum !== 0)
      for (let k = 0; k < count; k++) weights[i * count + k] = (weights[i * count + k] as number) / sum;
  }
  return { count, indices, weights };
}

/** Keys' kernel with a = -0.5 (TensorFlow takes it whenever pixel centres are halves). */
function cubic(fraction: number): number[] {
  const near = (d: number): number => (1.5 * d - 2.5) * d * d + 1;
  const far = (d: number): number => ((-0.5 * d + 2.5) * d - 4) * d + 2;
  return [far(1 + fraction), near(fraction), near(1 - fraction), far(2 - fraction)];
}
