/** A picture as the value of an input. */
import { autoPreprocessing, pictureTargetOf } from '../../core/inputs/autoPreprocessing';
import { pictureTarget, type PictureTarget } from '../../core/inputs/pictureTarget';
import type { ModelFile } from '../../core/model/modelFile';
import type { Picture, Preprocessing } from '../../protocol/engine';
import { decodePicture } from './images/decodePicture';
import { loadPicture, type LoadedPicture } from './images/loadPicture';
import { preprocess } from './preprocess';
import type { TensorData } from './syntheticInput';
import { badInput, checkCount, fits, type InputInfo, type InputNote, type RunDType } from './tensorShape';

export interface PictureResult {
  data: TensorData;
  shape: number[];
  preprocessing: Preprocessing;
  /** As loaded and resized, before the range step. */
  picture: Picture;
  notes: InputNote[];
}

/** Pictures are not resized to more than this per side. */
const maxSide = 8192;

/**
 * Decodes, converts, resizes and scales. `chosen` overrides what `autoPreprocessing` would do.
 * Errors: `bad-picture`; `bad-input` with `reason` `not-a-picture-input`, `wrong-shape`, `bad-dimension`.
 */
export async function pictureInput(
  bytes: Uint8Array,
  file: string,
  chosen: Partial<Preprocessing>,
  info: InputInfo,
  dtype: RunDType,
  dims: Record<number, number>,
  model: ModelFile,
): Promise<PictureResult> {
  const notes: InputNote[] = [];
  const target = targetOf(info, chosen, model);
  if (!target || dtype === 'string') throw badInput('not-a-picture-input', info, { file });
  const preprocessing = completed(chosen, target, dims, info, model, notes);
  const pixels = await decodePicture(bytes, file);
  // Four channels have no colour mode of their own: the picture's transparency becomes the fourth.
  const rgba = target.channels === 4 && preprocessing.colorMode !== 'grayscale';
  const loaded = loadPicture(pixels, {
    size: { width: preprocessing.width, height: preprocessing.height },
    resize: preprocessing.resize,
    interpolation: preprocessing.interpolation,
    colorMode: rgba ? 'rgba' : preprocessing.colorMode === 'grayscale' ? 'grayscale' : 'rgb',
  });
  if (pixels.mode === 'I;16') {
    // Keras cuts 16-bit grey off at 255 for colour, and keeps it up to 65535 for grey.
    notes.push({ code: loaded.channels === 1 ? 'picture-16-bit-grey' : 'picture-16-bit', data: { file } });
  }
  const values = preprocess(loaded, preprocessing);
  const shape = tensorShape(loaded, preprocessing, target);
  if (info.shape && !fits(withBatchOf(info, shape), info.shape))
    throw badInput('wrong-shape', info, { actual: shape, file });
  const fed = info.shape ? withBatchOf(info, shape) : shape;
  checkCount(fed, info);
  const repeats = target.batched ? (fed[0] ?? 1) : 1;
  if (repeats > 1) notes.push({ code: 'batch-repeated', data: { count: repeats } });
  return {
    data: typed(repeated(values, repeats), dtype),
    shape: fed,
    preprocessing,
    picture: asPicture(loaded),
    notes,
  };
}

function targetOf(info: InputInfo, chosen: Partial<Preprocessing>, model: ModelFile): PictureTarget | null {
  const known = chosen.layout ? null : pictureTargetOf(model, info.name);
  return pictureTarget(info.shape, chosen.layout ?? known?.layout ?? null);
}

function completed(
  chosen: Partial<Preprocessing>,
  target: PictureTarget,
  dims: Record<number, number>,
  info: InputInfo,
  model: ModelFile,
  notes: InputNote[],
): Preprocessing {
  const auto = autoPreprocessing(model, info.name);
  const [heightAxis, widthAxis] = target.layout === 'channels_first' ? [2, 3] : [1, 2];
  const offset = target.batched ? 0 : -1;
  const side = (name: 'width' | 'height', axis: number): number => {
    const given = chosen[name] ?? target[name] ?? dims[axis + offset];
    const size = given ?? auto[name];
    if (given === undefined) notes.push({ code: 'dimension-assumed', data: { axis: axis + offset, size } });
    if (!Number.isInteger(size) || size < 1 || size > maxSide)
      throw badInput('bad-dimension', info, { axis: axis + offset, value: size });
    return size;
  };
  const grey = target.channels === 1 || target.form === 'plane';
  const range = chosen.range ?? auto.range;
  const colorMode = chosen.colorMode ?? (grey ? 'grayscale' : range === 'caffe' ? 'bgr' : 'rgb');
  // Fields that are undefined must not hide what auto found.
  const given = Object.fromEntries(
    Object.entries(chosen).filter(([, value]) => value !== undefined),
  ) as Partial<Preprocessing>;
  return {
    ...auto,
    ...given,
    width: side('width', widthAxis),
    height: side('height', heightAxis),
    layout: target.layout,
    colorMode,
    range,
    reason: chosen.range === undefined ? auto.reason : null,
  };
}

function tensorShape(loaded: LoadedPicture, preprocessing: Preprocessing, target: PictureTarget): number[] {
  const { height, width, channels } = loaded;
  const batch = target.batched ? [1] : [];
  if (target.form === 'flat') return [...batch, height * width * channels];
  if (target.form === 'plane' && channels === 1) return [...batch, height, width];
  return preprocessing.layout === 'channels_first'
    ? [...batch, channels, height, width]
    : [...batch, height, width, channels];
}

/** The shape with the batch size that the model insists on, if any. */
function withBatchOf(info: InputInfo, shape: number[]): number[] {
  const batch = info.shape?.length === shape.length && shape[0] === 1 ? info.shape[0] : null;
  return typeof batch === 'number' ? [batch, ...shape.slice(1)] : shape;
}

function repeated(values: Float32Array, times: number): Float32Array {
  if (times <= 1) return values;
  const all = new Float32Array(values.length * times);
  for (let i = 0; i < times; i++) all.set(values, i * values.length);
  return all;
}

function typed(values: Float32Array, dtype: RunDType): TensorData {
  if (dtype === 'int32') return Int32Array.from(values, (value) => Math.round(value));
  if (dtype === 'bool') return Uint8Array.from(values, (value) => (value === 0 ? 0 : 1));
  return values;
}

function asPicture(loaded: LoadedPicture): Picture {
  const { width, height, channels, values } = loaded;
  const rgba = new Uint8Array(width * height * 4);
  // 16-bit grey is shown by its high byte.
  const scale = values.some((value) => value > 255) ? 1 / 256 : 1;
  const byte = (at: number): number => Math.min(255, Math.max(0, Math.round((values[at] as number) * scale)));
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) rgba[i * 4 + c] = byte(i * channels + (channels < 3 ? 0 : c));
    rgba[i * 4 + 3] = channels === 4 ? byte(i * 4 + 3) : 255;
  }
  return { width, height, rgba };
}
