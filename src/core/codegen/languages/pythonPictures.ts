/** Python that prepares a picture as the preview did. */
import type { Preprocessing } from '../../model/preprocessing';
import type { CodeTask } from '../codeTask';
import type { Python } from './python';
import { snakeCase } from './pythonLiterals';

/** `load_image(path)` for each input that the preview was given pictures for. */
export function writePictureLoader(code: Python, task: CodeTask): void {
  const { preparation } = task.options;
  const inputs = task.plan.inputs.filter(({ name }) => Object.hasOwn(preparation, name));
  for (const { name } of inputs) {
    const prepared = preparation[name];
    const suffix = task.plan.inputs.length > 1 ? `_for_${snakeCase(name, 'input')}` : '';
    if (prepared) writePicture(code, `load_image${suffix}`, prepared);
  }
}

function writePicture(code: Python, name: string, prepared: Preprocessing): void {
  code.import('keras');
  code.import('numpy', 'np');
  code.function(
    { name, parameters: ['path: str'], returns: 'np.ndarray', doc: [`${describe(prepared)}.`, ...notes(prepared)] },
    () => {
      writeLoad(code, prepared);
      for (const line of rangeLines(prepared)) code.line(line);
      if (prepared.layout === 'channels_first') code.line('pixels = pixels.transpose(2, 0, 1)');
      code.line('return np.expand_dims(pixels, 0).astype("float32")');
    },
  );
}

function describe({ width, height, resize, interpolation, colorMode, range }: Preprocessing): string {
  const colors = { rgb: 'RGB', bgr: 'BGR', grayscale: 'grey' }[
    range === 'caffe' && colorMode === 'rgb' ? 'bgr' : colorMode
  ];
  const ranges = {
    unit: '0 to 1',
    signed: '-1 to 1',
    caffe: "minus ImageNet's mean colour",
    torch: "0 to 1, then ImageNet's mean and deviation",
    none: '0 to 255',
    custom: 'scaled',
  };
  const how = resize === 'pillow' ? interpolation : `${interpolation} as TensorFlow resizes`;
  return `A picture as the preview prepared it: ${width} x ${height} (${how}), ${colors}, ${ranges[range]}`;
}

/** Where backends differ. */
function notes({ resize, interpolation }: Preprocessing): string[] {
  return resize === 'tensorflow' && interpolation === 'bicubic'
    ? ['keras.ops.image.resize differs at the borders from backend to backend.']
    : [];
}

function writeLoad(code: Python, { width, height, resize, interpolation, colorMode }: Preprocessing): void {
  const mode = `color_mode="${colorMode === 'grayscale' ? 'grayscale' : 'rgb'}"`;
  if (resize === 'pillow') {
    const size = `target_size=(${height}, ${width})`;
    code.call('picture = keras.utils.load_img', ['path', mode, size, `interpolation="${interpolation}"`]);
    code.line('pixels = keras.utils.img_to_array(picture)');
    return;
  }
  code.line(`pixels = keras.utils.img_to_array(keras.utils.load_img(path, ${mode}))`);
  code.call('pixels = keras.ops.image.resize', ['pixels', `(${height}, ${width})`, `interpolation="${interpolation}"`]);
  code.line('pixels = keras.ops.convert_to_numpy(pixels)');
}

const CAFFE_MEAN = [103.939, 116.779, 123.68];
const TORCH_MEAN = [0.485, 0.456, 0.406];
const TORCH_STD = [0.229, 0.224, 0.225];

function rangeLines({ range, colorMode, scale = 1, offset = 0, mean, std }: Preprocessing): string[] {
  const grey = colorMode === 'grayscale';
  const lines = !grey && (colorMode === 'bgr' || range === 'caffe') ? ['pixels = pixels[..., ::-1]  # blue first'] : [];
  const swapped = lines.length > 0;
  const ofColors = (values: readonly number[]): string =>
    perChannel(grey ? [values.reduce((sum, value) => sum + value, 0) / values.length] : values);
  switch (range) {
    case 'none':
      return lines;
    case 'unit':
      return [...lines, 'pixels = pixels / 255'];
    case 'signed':
      return [...lines, 'pixels = pixels / 127.5 - 1'];
    case 'torch': {
      const [means, deviations] = swapped ? [TORCH_MEAN.toReversed(), TORCH_STD.toReversed()] : [TORCH_MEAN, TORCH_STD];
      return [...lines, `pixels = (pixels / 255 - ${ofColors(means)}) / ${ofColors(deviations)}`];
    }
    case 'caffe':
      return [...lines, `pixels = pixels - ${ofColors(CAFFE_MEAN)}`];
    case 'custom': {
      const scaled = `pixels * ${scale}${offset === 0 ? '' : ` + ${offset}`}`;
      const centred = mean && mean.length > 0 ? `(${scaled} - ${perChannel(mean)})` : `(${scaled})`;
      return [...lines, `pixels = ${centred}${std && std.length > 0 ? ` / ${perChannel(std)}` : ''}`];
    }
  }
}

function perChannel(values: readonly number[]): string {
  const [first] = values;
  return values.length === 1 && first !== undefined ? String(first) : `np.array([${values.join(', ')}])`;
}
