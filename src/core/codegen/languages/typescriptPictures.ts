/** Functions that prepare a picture as the preview did. */
import type { Preprocessing } from '../../model/preprocessing';
import type { CodeTask } from '../codeTask';
import { tensorType } from '../literals';
import { pascalCase } from '../literals';
import { resizerDifference } from './resizerDifference';
import type { TypeScript } from './typescript';
import type { NamedTensor } from './typescriptNames';

/** ImageNet's, red first. */
const TORCH = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
/** ImageNet's, blue first. */
const CAFFE = [103.939, 116.779, 123.68];

const PIXELS = 'tf.PixelData | ImageData | HTMLImageElement | HTMLCanvasElement | HTMLVideoElement | ImageBitmap';

/** A `prepare…` function for each input that the preview fed with a picture. */
export function writePreparation(code: TypeScript, { plan, options }: CodeTask, inputs: readonly NamedTensor[]): void {
  plan.inputs.forEach(({ name }, i) => {
    const input = inputs[i];
    if (!input || !Object.hasOwn(options.preparation, name)) return;
    const how = options.preparation[name];
    if (how) writePrepare(code, input, how, options.runtime === 'tfjs-node');
  });
}

function writePrepare(
  code: TypeScript,
  { name, address, shape, dtype }: NamedTensor,
  how: Preprocessing,
  inNode: boolean,
): void {
  const picture = `picture${code.type(inNode ? 'Uint8Array' : PIXELS)}`;
  const size = `${how.width} × ${how.height}`;
  code.function(
    [`A picture for ${address} as the preview prepared it: ${size}, ${describeRange(how)}.`, ...resizerNote(how)],
    { name: `prepare${pascalCase(name, 'Input')}`, parameters: [picture], result: tensorType(shape) },
    () =>
      code.block(
        'return tf.tidy(() =>',
        () => {
          if (inNode)
            code.line(`const pixels = tf.node.decodeImage(picture, 3, 'int32', false)${code.cast('tf.Tensor3D')};`);
          else code.line('const pixels = tf.browser.fromPixels(picture);');
          const resize = how.interpolation === 'nearest' ? 'resizeNearestNeighbor' : 'resizeBilinear';
          const gray = how.colorMode === 'grayscale';
          // Pillow's own rounding: 16 bits of fraction
          if (gray)
            code.line('const gray = pixels.mul([19595, 38470, 7471]).sum(2, true).add(32768).div(65536).floor();');
          const colors = gray ? `gray${code.cast('tf.Tensor3D')}` : 'pixels';
          code.line(`const resized = tf.image.${resize}(${colors}, [${how.height}, ${how.width}], false, true);`);
          const steps = [...colorSteps(how), ...rangeSteps(how)];
          if (how.layout === 'channels_first') steps.push('transpose([2, 0, 1])');
          steps.push('expandDims(0)');
          if (dtype !== null && /^u?int/.test(dtype)) steps.push('toInt()');
          else if (steps.length === 1) steps.unshift('toFloat()');
          code.line(`return resized.${steps.join('.')}${code.cast(tensorType(shape))};`);
        },
        ');',
      ),
  );
}

function colorSteps({ colorMode, range }: Preprocessing): string[] {
  return colorMode === 'bgr' || (range === 'caffe' && colorMode !== 'grayscale') ? ['reverse(2)'] : [];
}

function rangeSteps({ range, colorMode, scale, offset, mean, std }: Preprocessing): string[] {
  const gray = colorMode === 'grayscale';
  const numbers = (values: readonly number[]): string =>
    values.length === 1 || gray ? String(gray ? average(values) : values[0]) : `[${values.join(', ')}]`;
  const inOrder = (values: readonly number[]): number[] => (colorMode === 'bgr' ? [...values].reverse() : [...values]);
  switch (range) {
    case 'none':
      return [];
    case 'unit':
      return ['div(255)'];
    case 'signed':
      return ['div(127.5)', 'sub(1)'];
    case 'torch':
      return ['div(255)', `sub(${numbers(inOrder(TORCH.mean))})`, `div(${numbers(inOrder(TORCH.std))})`];
    case 'caffe':
      return [`sub(${numbers(CAFFE)})`];
    case 'custom':
      return [
        ...(scale !== undefined && scale !== 1 ? [`mul(${scale})`] : []),
        ...(offset !== undefined && offset !== 0 ? [`add(${offset})`] : []),
        ...(mean?.some((value) => value !== 0) ? [`sub(${perChannel(mean)})`] : []),
        ...(std?.some((value) => value !== 1) ? [`div(${perChannel(std.map((value) => value || 1))})`] : []),
      ];
  }
}

function perChannel(values: readonly number[]): string {
  return values.length === 1 ? String(values[0]) : `[${values.join(', ')}]`;
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function describeRange({ range, colorMode }: Preprocessing): string {
  const colors = range === 'caffe' && colorMode !== 'grayscale' ? 'bgr' : colorMode;
  const ranges: Record<Preprocessing['range'], string> = {
    none: '0…255',
    unit: '0…1',
    signed: '-1…1',
    caffe: "minus ImageNet's means",
    torch: "0…1, then ImageNet's mean and deviation",
    custom: 'scaled as given',
  };
  return `${colors}, ${ranges[range]}`;
}

/** Where TF.js has another resizer than the preview. */
function resizerNote({ resize, interpolation }: Preprocessing): string[] {
  if (interpolation === 'nearest') return [];
  if (resize === 'tensorflow')
    return interpolation === 'bicubic' ? ['TF.js has no bicubic resizing: this is bilinear, which is softer.'] : [];
  const { mean, largest } = resizerDifference[interpolation];
  return [
    `The preview resized as Pillow does (${interpolation}, smoothing when it shrinks); tf.image.resizeBilinear does not smooth:`,
    `measured on pictures, values differ by up to ${largest} of 255, on average ${mean} at most.`,
  ];
}
