/** Whether a tensor can be handed to a model, and what has to stand between where it cannot. */
import type { ErrorData } from '../errors';
import type { Dim, Shape, TensorInfo } from '../model/layerGraph';
import { isFloat } from '../layers/dtypes';
import { product } from '../layers/shapes';
import { adaptedShape, adapterText } from './adapters';
import type { Adapter, Finding } from './composition';
import type { ValueRange } from './ranges';

/** A tensor that is given, or the place that takes one. */
export interface ContractPort extends TensorInfo {
  /** What messages call it. */
  name: string;
  range: ValueRange | null;
  /** What is given is a new input, which takes any values of the right type. */
  isInput?: boolean;
}

/** No pair of shapes needs more steps. */
const MOST_STEPS = 6;

/**
 * What of `given` does not fit `wanted`, in the order in which it would have to be adapted; empty: it fits.
 * Only what is known of both counts.
 */
export function checkContract(given: ContractPort, wanted: ContractPort): Finding[] {
  const names = { given: given.name, wanted: wanted.name };
  return [
    ...typeFindings(given, wanted, names),
    ...shapeFindings(given, wanted, names),
    ...rangeFindings(given, wanted, names),
  ];
}

type Names = { given: string; wanted: string };

function finding(kind: Finding['kind'], data: ErrorData, adapter: Adapter[] | null, blocks = true): Finding {
  const words: ErrorData = adapter ? { adapter: adapter.map(adapterText).join(', ') } : {};
  return { kind, data: { ...data, ...words }, adapter, blocks, adapted: false };
}

function typeFindings(given: ContractPort, wanted: ContractPort, names: Names): Finding[] {
  if (given.isInput || given.dtype === null || wanted.dtype === null) return [];
  const data = { ...names, reason: 'dtype', actual: given.dtype, expected: wanted.dtype };
  if (given.dtype === wanted.dtype || (isFloat(given.dtype) && isFloat(wanted.dtype))) return [];
  if (given.dtype === 'string' || wanted.dtype === 'string') return [finding('dtype', data, null)];
  if (isFloat(wanted.dtype)) return [finding('dtype', data, [{ kind: 'cast' }])];
  if (isFloat(given.dtype)) return [finding('dtype', data, null)];
  return [];
}

function shapeFindings(given: ContractPort, wanted: ContractPort, names: Names): Finding[] {
  const expected = wanted.shape;
  let actual = given.shape;
  if (!expected || !actual) return [];
  const found: Finding[] = [];
  if (!given.isInput && (expected[0] ?? null) !== null && actual[0] !== expected[0])
    found.push(
      finding('shape', { ...names, reason: 'batch', actual: actual[0] ?? null, expected: expected[0] ?? null }, null),
    );
  for (let step = 0; step < MOST_STEPS && !fits(actual, expected); step++) {
    const { kind, adapter } = nextStep(actual.slice(1), expected.slice(1));
    const data = { ...names, reason: kind, actual: [...actual], expected: [...expected] };
    found.push(finding(kind, data, adapter && [adapter]));
    const next: Shape | null = adapter && adaptedShape(adapter, actual);
    if (!next) break;
    actual = next;
  }
  return found;
}

function fits(given: Shape, wanted: Shape): boolean {
  return given.length === wanted.length && wanted.every((size, i) => i === 0 || size === null || size === given[i]);
}

interface Step {
  kind: 'rank' | 'shape' | 'channels';
  adapter: Adapter | null;
}

/** The first thing to change; without the batch. */
function nextStep(given: Shape, wanted: Shape): Step {
  const sizes = known(wanted);
  if (given.length !== wanted.length) return { kind: 'rank', adapter: otherRank(given, wanted, sizes) };
  if (given.length === 3) return pictureStep(given, wanted);
  const isVectors = given.slice(0, -1).every((size, i) => wanted[i] === null || wanted[i] === size);
  const units = wanted.at(-1);
  if (isVectors && typeof units === 'number' && typeof given.at(-1) === 'number')
    return { kind: 'shape', adapter: { kind: 'project', units } };
  return { kind: 'shape', adapter: sameSize(given, sizes) };
}

function pictureStep(given: Shape, wanted: Shape): Step {
  const [height = null, width = null, channels = null] = wanted;
  const turns: { order: number[]; turned: Shape }[] = [
    { order: [3, 1, 2], turned: pick(given, [2, 0, 1]) },
    { order: [2, 3, 1], turned: pick(given, [1, 2, 0]) },
  ];
  const turn = turns.find(({ turned }) => turned.every((size, i) => wanted[i] === null || wanted[i] === size));
  if (turn && isColors(given[turn.order[0] === 3 ? 2 : 0] ?? null))
    return { kind: 'shape', adapter: { kind: 'permute', order: turn.order } };
  const isOther = (size: Dim, now: Dim | undefined): boolean => size !== null && size !== now;
  if (isOther(height, given[0]) || isOther(width, given[1])) {
    const [from, across] = given;
    const [to, wide] = [height ?? from, width ?? across];
    const canResize = [from, across, to, wide].every((size) => typeof size === 'number' && size > 0);
    return {
      kind: 'shape',
      adapter:
        canResize && typeof to === 'number' && typeof wide === 'number'
          ? { kind: 'resize', height: to, width: wide, interpolation: 'bilinear' }
          : null,
    };
  }
  const now = given[2];
  const isPicture = isColors(now ?? null) && isColors(channels) && channels !== 2 && now !== 2;
  if (channels === null) return { kind: 'channels', adapter: null };
  if (isPicture) return { kind: 'channels', adapter: channels < 4 ? { kind: 'channels', to: channels } : null };
  return { kind: 'channels', adapter: typeof now === 'number' ? { kind: 'project', units: channels } : null };
}

function isColors(channels: Dim): boolean {
  return channels !== null && channels >= 1 && channels <= 4;
}

function otherRank(given: Shape, wanted: Shape, sizes: number[] | null): Adapter | null {
  const same = sameSize(given, sizes);
  if (same) return same;
  // [height, width] → [height, width, 1]: then size and channels are seen to
  const all = known(given);
  if (all && given.length === 2 && wanted.length === 3) return { kind: 'reshape', shape: [...all, 1] };
  if (given.length > 1 && given.length <= 3 && wanted.length === 1 && given.at(-1) !== null) return { kind: 'pool' };
  // [height, width, channels] → [steps, channels]
  const [steps, channels] = [product(...given.slice(0, -1)), given.at(-1) ?? null];
  if (wanted.length === 2 && given.length === 3 && steps !== null && channels !== null && wanted[0] === null)
    return { kind: 'reshape', shape: [steps, channels] };
  return null;
}

/** The same number of values in another order of axes. */
function sameSize(given: Shape, sizes: number[] | null): Adapter | null {
  if (!sizes) return null;
  const [a, b] = [product(...given), product(...sizes)];
  return a !== null && a === b ? { kind: 'reshape', shape: sizes } : null;
}

function pick(shape: Shape, order: readonly number[]): Shape {
  return order.map((axis) => shape[axis] ?? null);
}

function known(shape: Shape): number[] | null {
  const sizes = shape.filter((size) => size !== null);
  return sizes.length === shape.length ? sizes : null;
}

function rangeFindings(given: ContractPort, wanted: ContractPort, names: Names): Finding[] {
  const [has, needs] = [given.range, wanted.range];
  if (!needs) return [];
  if (needs.whole) {
    if (given.isInput || (given.dtype !== null && !isFloat(given.dtype))) return [];
    return [finding('range', { ...names, reason: 'whole-numbers', max: needs.max }, null)];
  }
  if (!has) return [];
  // reaching about as far is what counts: pixels may all be dark
  const width = needs.max - needs.min;
  const isAlike = Math.abs(has.min - needs.min) <= 0.1 * width && Math.abs(has.max - needs.max) <= 0.1 * width;
  if (isAlike) return [];
  const data = { ...names, reason: 'range', actual: rangeText(has), expected: rangeText(needs) };
  if (!Number.isFinite(has.max - has.min)) return [finding('range', data, null, false)];
  const scale = width / (has.max - has.min);
  const adapter: Adapter = { kind: 'rescale', scale, offset: needs.min - has.min * scale };
  return [finding('range', data, [adapter], false)];
}

function rangeText({ min, max }: ValueRange): string {
  return Number.isFinite(max) ? `${short(min)} to ${short(max)}` : `${short(min)} and more`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
