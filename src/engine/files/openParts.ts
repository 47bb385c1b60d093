/** The files of a composition: the open model and another one beside it. */
import { SlicerError } from '../../core/errors';
import { composeModel, type Composed } from '../../core/composing/composeModel';
import type { Composition } from '../../core/composing/composition';
import type { ModelFile } from '../../core/model/modelFile';
import type { ComposedSources } from './composedBytes';
import { openModelFile, type OpenedModel } from './openModelFile';

/** @throws SlicerError what is wrong with the file, its weights included. */
export async function openWhole(path: string): Promise<OpenedModel> {
  const opened = await openModelFile(path);
  const fatal = opened.model.problems.find(({ severity }) => severity === 'error');
  if (!fatal) return opened;
  await opened.close();
  throw new SlicerError(fatal.code, fatal.data);
}

/** The structure of a file that stays closed. @throws SlicerError as `openWhole`. */
export async function readOther(path: string): Promise<{ model: ModelFile }> {
  const opened = await openWhole(path);
  await opened.close();
  return { model: opened.model };
}

/**
 * Composes, and does `work` while the files are open.
 * @throws SlicerError `does-not-fit`, what opening and composing throw.
 */
export async function withParts<T>(
  base: OpenedModel,
  composition: Composition,
  secondPath: string | undefined,
  work: (composed: Composed, sources: ComposedSources<OpenedModel>) => Promise<T>,
): Promise<T> {
  const isOther = composition.second !== null && composition.second.shared !== true;
  const second = isOther && secondPath !== undefined ? await openWhole(secondPath) : null;
  try {
    const composed = composeModel({ base: base.model, second: second?.model ?? null }, composition);
    if (composed.fits) return await work(composed, { base, second });
    const finding = composed.findings.find(({ blocks, adapted }) => blocks && !adapted);
    throw new SlicerError('does-not-fit', finding?.data ?? {});
  } finally {
    await second?.close();
  }
}
