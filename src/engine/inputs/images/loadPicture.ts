/** Decoded picture → values as Keras's `load_img` and `img_to_array` give them. */
import { convertColors } from './convertColors';
import { channelsOf, type Pixels } from './pixels';
import { resamplePillow, type Box, type PillowFilter } from './resamplePillow';
import { resizeTensorFlow, type TensorFlowMethod } from './resizeTensorFlow';

export interface LoadOptions {
  /** Missing: as the picture is. */
  size?: { width: number; height: number };
  resize: 'pillow' | 'tensorflow';
  interpolation: PillowFilter;
  colorMode: 'rgb' | 'grayscale' | 'rgba';
  /** Crop to the target's proportions first (Pillow only), as `keep_aspect_ratio` does. */
  keepAspectRatio?: boolean;
}

/** Values 0…255 (more for 16-bit grey), `[height, width, channels]`. Whole numbers with Pillow; TensorFlow's interpolation leaves fractions. */
export interface LoadedPicture {
  width: number;
  height: number;
  channels: number;
  values: Float32Array;
}

const modes = { rgb: 'RGB', grayscale: 'L', rgba: 'RGBA' } as const;

/** Colours are converted before resizing, as Keras does. */
export function loadPicture(pixels: Pixels, options: LoadOptions): LoadedPicture {
  const converted = convertColors(pixels, modes[options.colorMode]);
  const channels = channelsOf[converted.mode];
  const { width, height } = options.size ?? converted;
  if (options.resize === 'tensorflow') {
    const values = Float32Array.from(converted.data);
    const source = { values, width: converted.width, height: converted.height, channels };
    return {
      width,
      height,
      channels,
      values: resizeTensorFlow(source, width, height, tensorFlowMethod(options.interpolation)),
    };
  }
  const box = options.keepAspectRatio ? centerBox(converted, width, height) : undefined;
  const resized = resamplePillow(converted, width, height, options.interpolation, box);
  return { width, height, channels, values: Float32Array.from(resized.data) };
}

function tensorFlowMethod(interpolation: PillowFilter): TensorFlowMethod {
  return interpolation === 'bilinear' || interpolation === 'bicubic' ? interpolation : 'nearest';
}

/** The largest part in the middle with the target's proportions. */
function centerBox(pixels: Pixels, width: number, height: number): Box | undefined {
  if (pixels.width === width && pixels.height === height) return undefined;
  const cropHeight = Math.min(pixels.height, Math.floor((pixels.width * height) / width));
  const cropWidth = Math.min(pixels.width, Math.floor((pixels.height * width) / height));
  const top = Math.floor((pixels.height - cropHeight) / 2);
  const left = Math.floor((pixels.width - cropWidth) / 2);
  return [left, top, left + cropWidth, top + cropHeight];
}
