/** From what the user chose for an input to the values that are fed. */
import type { DType, Shape } from '../../core/model/layerGraph';
import type { ModelFile } from '../../core/model/modelFile';
import { SlicerError } from '../../core/errors';
import type { InputSource, InputSpec, ResolvedInput } from '../../protocol/engine';
import { arrayInput } from './arrayInput';
import { maxPictureBytes } from './images/decodePicture';
import { pictureInput } from './pictureInput';
import { readInputFile } from './readInputFile';
import { syntheticInput, type TensorData } from './syntheticInput';
import { runDType, type RunDType } from './tensorShape';

/** An input ready to be fed. */
export interface InputValue {
  resolved: ResolvedInput;
  data: TensorData;
  shape: number[];
  dtype: RunDType;
}

const maxArrayBytes = { npy: 2 ** 30, npz: 2 ** 30, json: 128 * 2 ** 20 };

/**
 * Reads or makes the values of one model input.
 *
 * `info`: the input as the model declares it. Notes in `resolved`: `batch-added`, `batch-repeated` (`count`),
 * `dimension-assumed` (`axis`, `size`), `integer-range-assumed` (`below`), `picture-16-bit` and `picture-16-bit-grey` (`file`).
 * Errors: `bad-input` (with `reason`, `input`, `expected`, `actual`, `file` as they apply), `bad-picture`, `too-large`.
 */
export async function resolveInput(
  spec: InputSpec,
  info: { name: string; shape: Shape | null; dtype: DType | null },
  model: ModelFile,
): Promise<InputValue> {
  const { source } = spec;
  const dims = spec.dims ?? {};
  const dtype = runDType(info.dtype);
  const label = labelOf(source);
  if (source.kind === 'picture') {
    const bytes = await bytesOf(source, maxPictureBytes);
    const { data, shape, ...rest } = await pictureInput(
      bytes,
      source.name,
      source.preprocessing ?? {},
      info,
      dtype,
      dims,
      model,
    );
    return { resolved: { input: info.name, label, shape, dtype, ...rest }, data, shape, dtype };
  }
  const { data, shape, notes } =
    source.kind === 'array'
      ? arrayInput(
          {
            bytes: await bytesOf(source, maxArrayBytes[source.format]),
            file: source.name,
            format: source.format,
            member: source.member,
          },
          info,
          dtype,
        )
      : syntheticInput(source.kind, source.kind === 'random' ? source.seed : 0, info, dtype, dims, model);
  return { resolved: { input: info.name, label, shape, dtype, notes }, data, shape, dtype };
}

function labelOf(source: InputSource): string {
  if (source.kind === 'random') return `random:${source.seed}`;
  return source.kind === 'picture' || source.kind === 'array' ? source.name : source.kind;
}

async function bytesOf(
  source: { path?: string; bytes?: Uint8Array; name: string },
  limit: number,
): Promise<Uint8Array> {
  if (source.bytes) {
    if (source.bytes.length <= limit) return source.bytes;
    throw new SlicerError('too-large', { file: source.name, bytes: source.bytes.length, limit });
  }
  if (source.path === undefined) throw new SlicerError('bad-input', { reason: 'missing-file', file: source.name });
  return readInputFile(source.path, source.name, limit);
}
