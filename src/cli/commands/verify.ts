import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { SlicerError } from '../../core/errors';
import { parseModelJson } from '../../core/formats/openModelJson';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/model/json';
import type { Cut } from '../../core/slicing/slice';
import { planCut } from '../../core/slicing/sliceModel';
import { backendOf } from '../backendOption';
import { cutOf, type CutOptions } from '../cutOptions';
import { inputSpecs, type InputOptions } from '../inputSpecs';
import { modelInputs } from '../modelInputs';
import { errorJson, print, printJson } from '../output';
import { Session, type SessionOptions } from '../session';
import { printable, shortNumber } from '../textTable';

export interface VerifyOptions extends SessionOptions, CutOptions, Omit<InputOptions, 'input'> {
  slice?: string;
  data?: string[];
  tolerance?: string;
  backend?: string;
  json?: boolean;
}

/** Throws `verification-failed` after the answer was printed when the numbers differ. */
export async function verify(file: string, options: VerifyOptions): Promise<void> {
  const tolerance = Number(options.tolerance ?? 0);
  if (!(tolerance >= 0)) throw new SlicerError('usage', { detail: '--tolerance is a number that is not negative.' });
  const backend = backendOf(options.backend);
  const recorded = options.slice !== undefined && !options.output?.length ? await recordedCut(options.slice) : null;
  await Session.with(file, options, async (session) => {
    session.needWeights();
    const cut = recorded ?? cutOf(session.model, options);
    const { boundary } = planCut(session.model, cut);
    if (!boundary.closed) {
      throw new SlicerError('cut-open', {
        file: session.model.file,
        missing: boundary.missing.map(({ address }) => address),
      });
    }
    const result = await session.request(
      'verify',
      {
        cut,
        tolerance,
        backend,
        inputs: inputSpecs(modelInputs(session.model), { ...options, input: options.data ?? [] }),
        ...(options.slice === undefined ? {} : { slicePath: path.resolve(options.slice) }),
      },
      'verifying',
    );
    const worst = result.outputs.find(({ equal }) => !equal);
    const error = result.passed
      ? null
      : new SlicerError(
          'verification-failed',
          worst ? { address: worst.address, maxAbsDiff: worst.maxAbsDiff, tolerance } : { tolerance },
        );
    if (options.json) await printJson(error ? { ...result, error: errorJson(error) } : result);
    else {
      for (const { address, maxAbsDiff, equal } of result.outputs) {
        await print(
          `${equal ? 'equal  ' : 'differs'}  ${printable(address)}  ${typeof maxAbsDiff === 'number' ? shortNumber(maxAbsDiff) : maxAbsDiff}`,
        );
      }
      if (result.wholeFromParts)
        await print(`Whole from parts: largest difference ${String(result.wholeFromParts.maxAbsDiff)}`);
      if (result.weak)
        await print('Every output is constant for this input, so that this proves little: try other data.');
    }
    if (error) throw error;
  });
}

/**
 * The cut that a saved slice says it is.
 * @throws SlicerError `usage` where it says none.
 */
async function recordedCut(slice: string): Promise<Cut> {
  const folder = (await stat(slice).catch(() => null))?.isDirectory() === true;
  const file = folder ? path.join(slice, 'model.json') : slice;
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new SlicerError('missing-file', { file: path.basename(file) }, { cause });
  });
  const metadata = parseModelJson(bytes, path.basename(file)).root.userDefinedMetadata;
  const record = isJsonObject(metadata) ? metadata.modelSlicer : undefined;
  const cut = isJsonObject(record) && isJsonObject(record.cut) ? record.cut : undefined;
  if (!cut)
    throw new SlicerError('usage', {
      detail: `${path.basename(file)} does not say which cut it is: give --output and --input.`,
    });
  return { outputs: texts(cut, 'outputs'), inputs: texts(cut, 'inputs') };
}

function texts(object: JsonObject, key: string): string[] {
  const value: JsonValue | undefined = Object.hasOwn(object, key) ? object[key] : undefined;
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
