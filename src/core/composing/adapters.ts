/** Adapters as layers that plain TF.js has. */
import type { Shape } from '../model/layerGraph';
import { product } from '../layers/shapes';
import { SlicerError } from '../errors';
import type { Adapter } from './composition';
import type { DraftModel, DraftTensor, NewLayer } from './draftModel';
import { glorotUniform, type Initial } from './newWeights';
import { poolLayer } from './pooling';
import { scaledRange } from './ranges';

/** As messages name it. */
export function adapterText(adapter: Adapter): string {
  switch (adapter.kind) {
    case 'rescale':
      return `rescale by ${short(adapter.scale)}${adapter.offset === 0 ? '' : ` ${adapter.offset < 0 ? '-' : '+'} ${short(Math.abs(adapter.offset))}`}`;
    case 'normalize':
      return 'normalize each channel';
    case 'resize':
      return `resize to ${adapter.height} × ${adapter.width} (${adapter.interpolation})`;
    case 'channels':
      return `channels to ${adapter.to}`;
    case 'reshape':
      return `reshape to [${adapter.shape.join(',')}]`;
    case 'permute':
      return `axes in the order ${adapter.order.join(',')}`;
    case 'cast':
      return 'cast to float32';
    case 'pool':
      return 'average over positions';
    case 'project':
      return `a dense layer of ${adapter.units} units, to be trained`;
  }
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** @throws SlicerError `usage` where a script asks for what cannot be. */
export function checkAdapters(adapters: readonly Adapter[]): void {
  for (const adapter of adapters) {
    const values = Object.values(adapter).flat();
    const sizes = adapter.kind === 'rescale' || adapter.kind === 'normalize' ? [] : values;
    const isWrong = (value: unknown): boolean => typeof value === 'number' && !Number.isFinite(value);
    const isNoSize = (value: unknown): boolean => typeof value === 'number' && !(Number.isInteger(value) && value > 0);
    if (values.some(isWrong) || sizes.some(isNoSize))
      throw new SlicerError('usage', { reason: 'adapter', kind: adapter.kind });
  }
}

/** The shape behind an adapter; null where it cannot be told. */
export function adaptedShape(adapter: Adapter, shape: Shape): Shape | null {
  const [batch = null, ...rest] = shape;
  switch (adapter.kind) {
    case 'rescale':
    case 'normalize':
    case 'cast':
      return shape;
    case 'resize':
      return rest.length === 3 ? [batch, adapter.height, adapter.width, rest[2] ?? null] : null;
    case 'channels':
      return [batch, ...rest.slice(0, -1), adapter.to];
    case 'project':
      return [batch, ...rest.slice(0, -1), adapter.units];
    case 'reshape':
      return [batch, ...adapter.shape];
    case 'permute':
      return [batch, ...adapter.order.map((axis) => shape[axis] ?? null)];
    case 'pool':
      return [batch, rest.at(-1) ?? null];
  }
}

/** @throws SlicerError `shape-mismatch`, `does-not-fit`, `usage`. */
export function addAdapter(draft: DraftModel, adapter: Adapter, input: DraftTensor, seed: number): DraftTensor {
  switch (adapter.kind) {
    case 'rescale': {
      const { scale, offset } = adapter;
      const range = input.range && scaledRange(input.range, scale, offset);
      return draft.add('rescale', fixed('Rescaling', { scale, offset }, { range }), [input]);
    }
    case 'cast':
      return draft.add('cast', fixed('Rescaling', { scale: 1, offset: 0 }, { range: input.range }), [input]);
    case 'normalize':
      return linear(draft, 'normalize', input, normalization(adapter, channelsOf(input)));
    case 'channels':
      return {
        ...linear(draft, 'channels', input, { kernel: colors(channelsOf(input), adapter.to) }),
        range: input.range,
      };
    case 'reshape':
      return draft.add('reshape', fixed('Reshape', { target_shape: adapter.shape }, { range: input.range }), [input]);
    case 'permute':
      return draft.add('permute', fixed('Permute', { dims: adapter.order }, { range: input.range }), [input]);
    case 'pool':
      return draft.add('pool', poolLayer('avg', input, 'adapter'), [input]);
    case 'project': {
      const { units } = adapter;
      return draft.add('project', denseLayer(units, 'linear', seed, 'adapter'), [input]);
    }
    case 'resize':
      return resized(draft, adapter, input);
  }
}

function fixed(className: string, config: NewLayer['config'], { range }: Pick<NewLayer, 'range'>): NewLayer {
  return { className, config, role: 'adapter', range: range ?? null };
}

/** A Dense as Keras writes one. */
export function denseLayer(units: number, activation: string, seed: number, role: NewLayer['role']): NewLayer {
  return {
    className: 'Dense',
    role,
    config: {
      units,
      activation,
      use_bias: true,
      kernel_initializer: { class_name: 'GlorotUniform', config: { seed: null } },
      bias_initializer: { class_name: 'Zeros', config: {} },
    },
    initial: ({ name, shape }, layer): Initial => {
      const [fanIn = 1, fanOut = 1] = shape;
      return name === 'kernel'
        ? glorotUniform(fanIn, fanOut, seed, `${layer}/${name}`)
        : { kind: 'constant', value: 0 };
    },
  };
}

interface Linear {
  /** `[in][out]`, row by row, for `units`. */
  kernel: { units: number; initial: Initial };
  bias?: number[];
}

/** A product along the last axis whose numbers stay as they are. */
function linear(draft: DraftModel, wanted: string, input: DraftTensor, { kernel, bias }: Linear): DraftTensor {
  return draft.add(
    wanted,
    {
      className: 'Dense',
      role: 'adapter',
      config: { trainable: false, units: kernel.units, activation: 'linear', use_bias: bias !== undefined },
      initial: ({ name }) => (name === 'kernel' ? kernel.initial : { kind: 'values', values: bias ?? [] }),
    },
    [input],
  );
}

function channelsOf({ shape }: DraftTensor): number {
  const channels = shape?.at(-1) ?? null;
  if (channels === null)
    throw new SlicerError('does-not-fit', { reason: 'open-size', layer: 'channels', actual: [...(shape ?? [])] });
  return channels;
}

/** Keras's and TF's `rgb_to_grayscale`. */
const LUMA = [0.2989, 0.587, 0.114];

function colors(from: number, to: number): Linear['kernel'] {
  const weight = (source: number, target: number): number => {
    if (from === 1 || (from === 2 && to === 3)) return source === 0 ? 1 : 0;
    if (to === 1) return LUMA[source] ?? 0;
    return source === target ? 1 : 0;
  };
  const values = Array.from({ length: from * to }, (_, i) => weight(Math.floor(i / to), i % to));
  return { units: to, initial: { kind: 'values', values } };
}

function normalization(adapter: Extract<Adapter, { kind: 'normalize' }>, channels: number): Linear {
  const { scale, mean, std, reverse } = adapter;
  const deviation = (target: number): number => std[target] ?? 1;
  if (mean.length !== channels || std.length !== channels)
    throw new SlicerError('does-not-fit', { reason: 'normalize', actual: channels, expected: mean.length });
  const values = Array.from({ length: channels * channels }, (_, i) => {
    const [source, target] = [Math.floor(i / channels), i % channels];
    return source === (reverse ? channels - 1 - target : target) ? scale / deviation(target) : 0;
  });
  return {
    kernel: { units: channels, initial: { kind: 'values', values } },
    bias: mean.map((value, target) => -value / deviation(target)),
  };
}

/** Sides of which a matrix is made. */
const LARGEST_MATRIX = 2 ** 22;

function resized(draft: DraftModel, adapter: Extract<Adapter, { kind: 'resize' }>, input: DraftTensor): DraftTensor {
  const { height, width, interpolation } = adapter;
  const [, fromHeight = null, fromWidth = null] = input.shape ?? [];
  if (input.shape?.length !== 4 || fromHeight === null || fromWidth === null)
    throw new SlicerError('does-not-fit', { reason: 'open-size', layer: 'resize', actual: [...(input.shape ?? [])] });
  const { range } = input;
  if (interpolation === 'nearest' && height % fromHeight === 0 && width % fromWidth === 0) {
    const size = [height / fromHeight, width / fromWidth];
    const config = { size, data_format: 'channels_last', interpolation: 'nearest' };
    return draft.add('resize', fixed('UpSampling2D', config, { range }), [input]);
  }
  for (const [from, to] of [
    [fromHeight, height],
    [fromWidth, width],
  ] as const)
    if ((product(from, to) ?? Infinity) > LARGEST_MATRIX)
      throw new SlicerError('usage', {
        reason: 'too-large-resize',
        actual: [fromHeight, fromWidth],
        expected: [height, width],
      });
  const along = (name: string, from: number, to: number, tensor: DraftTensor): DraftTensor =>
    linear(draft, name, tensor, { kernel: { units: to, initial: { kind: 'resize', from, to, interpolation } } });
  const turn = (name: string, dims: number[], tensor: DraftTensor): DraftTensor =>
    draft.add(name, fixed('Permute', { dims }, { range }), [tensor]);
  // a product along the last axis for each side: first the rows stand last, then the columns
  const columns = along('resize_columns', fromWidth, width, turn('resize_turn', [3, 1, 2], input));
  const rows = along('resize_rows', fromHeight, height, turn('resize_turn', [1, 3, 2], columns));
  return turn('resize', [3, 2, 1], rows);
}
