import path from 'node:path';
import { SlicerError, type ErrorData } from '../../core/errors';
import { resolveAddress } from '../../core/model/address';
import type { ModelFile } from '../../core/model/modelFile';
import type { Cut } from '../../core/slicing/slice';
import type { ProofFindings, VerifyResult } from '../../protocol/engine';
import { backendOf } from '../backendOption';
import { memoryLimitOf } from '../memoryOption';
import { cutOf, type CutOptions } from '../cutOptions';
import { dataSets, type DataOptions } from '../dataSets';
import { modelInputs } from '../modelInputs';
import { errorJson, print, printJson, warn } from '../output';
import { inputJson, sayInputs } from '../sayInputs';
import { savedRecord, topologySha256, type SavedRecord } from '../savedRecord';
import { Session, type SessionOptions } from '../session';
import { printable, shortNumber, textTable } from '../textTable';

export interface VerifyOptions extends SessionOptions, CutOptions, DataOptions {
  slice?: string;
  tolerance?: string;
  backend?: string;
  memoryLimit?: string;
  json?: boolean;
}

/** Throws `verification-failed` after the answer was printed when the numbers differ. */
export async function verify(file: string, options: VerifyOptions): Promise<void> {
  const tolerance = Number(options.tolerance ?? 0);
  if (!(tolerance >= 0)) throw new SlicerError('usage', { detail: '--tolerance is a number that is not negative.' });
  const wish = { ...backendOf(options.backend), ...memoryLimitOf(options.memoryLimit) };
  const { slice } = options;
  await Session.with(file, options, async (session) => {
    session.needWeights();
    const read = (other: string): Promise<{ model: ModelFile }> => session.request('readOther', { path: other });
    const saved = slice === undefined ? null : await savedRecord(slice, read);
    if (saved) warnOfOtherSource(saved, session.model);
    const asked = [options.output, options.input, options.from].some(
      (texts) => texts !== undefined && texts.length > 0,
    );
    const cut = saved && !asked ? recordedCut(saved, session.model) : cutOf(session.model, options);
    const result = await session.request(
      'verify',
      {
        cut,
        tolerance,
        ...wish,
        data: dataSets(modelInputs(session.model), options),
        ...(slice === undefined ? {} : { slicePath: path.resolve(slice) }),
      },
      'verifying',
    );
    const error = result.passed ? null : failure(result, tolerance);
    sayInputs(result.data.flatMap(({ inputs }) => inputs ?? []));
    if (options.json) await printJson({ ...resultJson(result), ...(error ? { error: errorJson(error) } : {}) });
    else await print(resultText(result));
    if (error) throw error;
  });
}

function warnOfOtherSource({ file, record }: SavedRecord, model: ModelFile): void {
  const topology = record?.source.topologySha256 ?? null;
  if (topology === null || topology === topologySha256(model)) return;
  const source = record?.source.file ?? 'a file';
  warn(`${printable(file)} says that it was cut from another model (${printable(source)}) than this ${model.file}.`);
}

/**
 * The cut that a saved slice says it is.
 * @throws SlicerError `usage` where it says none, `verification-failed` where this model has no such tensors.
 */
function recordedCut({ file, record }: SavedRecord, model: ModelFile): Cut {
  if (!record?.cut) {
    throw new SlicerError('usage', { detail: `${file} does not say which cut it is: give --output and --input.` });
  }
  const { cut } = record;
  for (const address of [...cut.outputs, ...cut.inputs]) {
    try {
      resolveAddress(model.graph, address);
    } catch (error) {
      if (!(error instanceof SlicerError)) throw error;
      const data = { reason: 'recorded-cut', slice: file, address, file: model.file };
      throw new SlicerError('verification-failed', data, { cause: error });
    }
  }
  return cut;
}

/** Names the output that differs, and what is known of why. */
function failure(result: VerifyResult, tolerance: number): SlicerError {
  const found = differenceIn(result, tolerance);
  if (!found) return new SlicerError('verification-failed', { tolerance });
  const { address, maxAbsDiff, inParts } = found;
  const worst = result.data.find((proof) => differenceIn(proof, tolerance)?.maxAbsDiff === maxAbsDiff);
  const data: ErrorData = {
    address,
    maxAbsDiff,
    tolerance,
    ...(result.data.length > 1 && worst ? { data: worst.label } : {}),
  };
  const because = { 'other-source': result.sourceMatches === false, 'changed-weights': result.weightsMatch === false };
  const reason =
    Object.entries(because).find(([, holds]) => holds)?.[0] ??
    (inParts ? 'parts' : typeof maxAbsDiff === 'string' ? maxAbsDiff : null);
  return new SlicerError('verification-failed', reason === null ? data : { reason, ...data });
}

/** The first output that is not equal, or what the parts give otherwise; null where there is nothing. */
function differenceIn(
  { outputs, wholeFromParts }: ProofFindings,
  tolerance: number,
): { address: string; maxAbsDiff: number | string; inParts: boolean } | null {
  const output = outputs.find(({ equal }) => !equal);
  if (output) return { ...output, inParts: false };
  if (!wholeFromParts || isWithin(wholeFromParts.maxAbsDiff, tolerance)) return null;
  return { address: wholeFromParts.address ?? '', maxAbsDiff: wholeFromParts.maxAbsDiff, inParts: true };
}

function isWithin(difference: number | string, tolerance: number): boolean {
  return typeof difference === 'number' && difference <= tolerance;
}

function resultJson(result: VerifyResult): object {
  const data = result.data.map(({ label, inputs, ...findings }) => ({
    label,
    inputs: (inputs ?? []).map(inputJson),
    ...findings,
  }));
  return { ...result, data };
}

function resultText({
  data,
  passed,
  weak,
  wholeFromParts,
  sourceMatches,
  weightsMatch,
  backend,
}: VerifyResult): string {
  const rows = data.flatMap(({ label, outputs, wholeFromParts: whole }) => [
    ...outputs.map(({ address, maxAbsDiff, equal }) => [
      equal ? 'equal' : 'differs',
      address,
      label,
      differenceText(maxAbsDiff),
    ]),
    ...(data.length > 1 && whole ? [['', 'whole from parts', label, differenceText(whole.maxAbsDiff)]] : []),
  ]);
  const lines = [textTable(['', 'output', 'data', 'largest difference'], rows)];
  if (wholeFromParts) lines.push(`Whole from parts: largest difference ${differenceText(wholeFromParts.maxAbsDiff)}.`);
  if (weak) lines.push('Every output is constant for this data, so that this proves little: try other data.');
  if (sourceMatches === false) lines.push('The slice says that it was cut from another model.');
  if (weightsMatch === false) lines.push("The bytes of the slice's weights are not those that were written.");
  lines.push(`${passed ? 'Passed' : 'Failed'} (${backend}).`);
  return lines.join('\n');
}

function differenceText(difference: number | string): string {
  return typeof difference === 'number' ? shortNumber(difference) : difference;
}
