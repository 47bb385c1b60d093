/** How model families want their pixels: Keras's `preprocess_input`, as layers. */
import type { Adapter } from './composition';

const NAMED: Record<string, Adapter> = {
  unit: { kind: 'rescale', scale: 1 / 255, offset: 0 },
  signed: { kind: 'rescale', scale: 1 / 127.5, offset: -1 },
  torch: {
    kind: 'normalize',
    scale: 1 / 255,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    reverse: false,
  },
  caffe: { kind: 'normalize', scale: 1, mean: [103.939, 116.779, 123.68], std: [1, 1, 1], reverse: true },
};

export const SCALINGS: readonly string[] = Object.keys(NAMED);

/** Null where there is none of that name. */
export function namedScaling(name: string): Adapter | null {
  return Object.hasOwn(NAMED, name) ? (NAMED[name] ?? null) : null;
}
