/** Zeros, ones and repeatable random values. */
import type { ModelFile } from '../../core/model/modelFile';
import { streamOf, uniform } from './random';
import { checkCount, concreteShape, type InputInfo, type InputNote, type RunDType } from './tensorShape';
import { integerLimit, stringVocabulary } from './valueRange';

export type TensorData = Float32Array | Int32Array | Uint8Array | string[];

/** Integers whose range nobody tells are below this. */
const assumedLimit = 10;
const exampleText = 'the quick brown fox jumps over the lazy dog';

/**
 * Values for an input that the user does not give. Random floats are uniform in [0, 1); integers (and floats that an
 * embedding reads) are below the smallest table that they index; strings come from the vocabulary that reads them.
 */
export function syntheticInput(
  kind: 'zeros' | 'ones' | 'random',
  seed: number,
  info: InputInfo,
  dtype: RunDType,
  dims: Record<number, number>,
  model: ModelFile,
): { data: TensorData; shape: number[]; notes: InputNote[] } {
  const notes: InputNote[] = [];
  const shape = concreteShape(info, dims, notes);
  const count = checkCount(shape, info);
  const next = (index: number): number => uniform(stream, index);
  const stream = streamOf(seed, info.name);
  if (dtype === 'string') return { data: strings(kind, count, stringVocabulary(model, info.name), next), shape, notes };
  if (dtype === 'bool') {
    const data = new Uint8Array(count);
    for (let i = 0; i < count; i++) data[i] = kind === 'ones' || (kind === 'random' && next(i) >= 0.5) ? 1 : 0;
    return { data, shape, notes };
  }
  const limit = integerLimit(model, info.name);
  const data = dtype === 'int32' ? new Int32Array(count) : new Float32Array(count);
  if (kind === 'ones') data.fill(1);
  if (kind === 'random') {
    const whole = dtype === 'int32' || limit !== null;
    const below = limit ?? assumedLimit;
    if (dtype === 'int32' && limit === null) notes.push({ code: 'integer-range-assumed', data: { below } });
    for (let i = 0; i < count; i++) data[i] = whole ? Math.floor(next(i) * below) : next(i);
  }
  return { data, shape, notes };
}

function strings(
  kind: 'zeros' | 'ones' | 'random',
  count: number,
  words: string[] | null,
  next: (index: number) => number,
): string[] {
  if (kind === 'zeros') return new Array<string>(count).fill('');
  if (kind === 'ones') return new Array<string>(count).fill('1');
  return Array.from({ length: count }, (_, i) => words?.[Math.floor(next(i) * words.length)] ?? exampleText);
}
