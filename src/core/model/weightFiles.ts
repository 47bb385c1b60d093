/** Which files a model's weights are in. */
import type { ModelFile, WeightLocator } from './modelFile';

/** Relative to the model's folder; of Keras's own formats the model's file itself. */
export function weightFiles({ weightEntries }: Pick<ModelFile, 'weightEntries'>): string[] {
  const files = weightEntries.flatMap(({ locator }) =>
    locator.kind === 'segments' ? locator.segments.map(({ file }) => file) : [locator.file],
  );
  return [...new Set(files)];
}

/** Runs of bytes that are the weight as they stand; none where it must be unpacked or converted. */
export function segmentsOf(locator: WeightLocator): Extract<WeightLocator, { kind: 'segments' }>['segments'] {
  return locator.kind === 'segments' ? locator.segments : [];
}
