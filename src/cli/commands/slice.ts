import path from 'node:path';
import { SlicerError } from '../../core/errors';
import { planCut } from '../../core/slicing/sliceModel';
import type { ModelFile } from '../../core/model/modelFile';
import type { SliceFormat, SlicePlan } from '../../core/slicing/slice';
import { fitsName, formatNamed, formatOfFile, tfjsFormat } from '../../core/slicing/sliceFormat';
import { cutOf, type CutOptions } from '../cutOptions';
import { errorJson, print, printJson, warn } from '../output';
import { firstError, Session, type SessionOptions } from '../session';
import { bytesText, printable, shapeText } from '../textTable';

export interface SliceOptions extends SessionOptions, CutOptions {
  plan?: boolean;
  to?: string;
  format?: string;
  name?: string;
  shardSize?: string;
  force?: boolean;
  json?: boolean;
}

export async function slice(file: string, options: SliceOptions): Promise<void> {
  if (!options.plan && options.to === undefined) {
    throw new SlicerError('usage', {
      detail: 'Say where the slice goes (--to DIR or FILE), or ask for the plan only (--plan).',
    });
  }
  const shardBytes = options.shardSize === undefined ? undefined : Number(options.shardSize);
  if (shardBytes !== undefined && !(Number.isInteger(shardBytes) && shardBytes >= 1)) {
    throw new SlicerError('usage', { detail: '--shard-size is a number of bytes.' });
  }
  await Session.with(file, options, async (session) => {
    const format = formatOf(session.model, options);
    const plan = planCut(session.model, cutOf(session.model, options), format);
    if (options.name !== undefined && plan.format === 'graph-model')
      warn('note: a graph-model has no name in it, so --name is not used');
    const open = openCut(session.model.file, plan);
    if (open) {
      if (options.json) await printJson({ ...planJson(plan), error: errorJson(open) });
      else if (options.plan) await print(planText(plan));
      throw open;
    }
    let written: { files: string[]; bytes: number } | undefined;
    if (!options.plan && options.to !== undefined) {
      const error = firstError(session.model);
      if (error) throw error;
      written = await session.request(
        'save',
        {
          cut: plan.cut,
          format,
          target: path.resolve(options.to),
          force: options.force === true,
          ...(options.name === undefined ? {} : { name: options.name }),
          ...(shardBytes === undefined ? {} : { shardBytes }),
        },
        'writing',
      );
    }
    if (options.json) {
      await printJson(written ? { ...planJson(plan), written } : planJson(plan));
      return;
    }
    for (const { message } of plan.notes) warn(`note: ${message}`);
    await print(planText(plan));
    if (written)
      await print(`Written: ${written.files.join(', ')} (${bytesText(written.bytes)}) to ${options.to ?? ''}`);
  });
}

/**
 * @throws SlicerError `usage` where `--format` is none, or not what `--to` is called, or the other format of TF.js than
 *   the model's.
 */
function formatOf(model: ModelFile, { format: asked, to }: SliceOptions): SliceFormat {
  const own = tfjsFormat(model);
  const named = to === undefined ? null : formatOfFile(to);
  if (asked === undefined) return named ?? own;
  const format = formatNamed(asked);
  const fail = (detail: string): never => {
    throw new SlicerError('usage', { detail });
  };
  if (format === null) return fail(`${printable(asked)} is no format: use keras, h5, layers-model or graph-model.`);
  if ((format === 'layers-model' || format === 'graph-model') && format !== own)
    return fail(`A slice of ${model.file} is written as ${own}, not as ${format}.`);
  if (to !== undefined && !fitsName(format, to))
    return fail(`--format ${printable(asked)} does not fit --to ${printable(to)}: ${ENDINGS[format]}.`);
  return format;
}

const ENDINGS: Readonly<Record<SliceFormat, string>> = {
  'keras-v3': 'the name must end in .keras',
  'keras-h5': 'the name must end in .h5 or .hdf5',
  'layers-model': 'it is written as a folder, or as a .json with files beside it',
  'graph-model': 'it is written as a folder, or as a .json with files beside it',
};

/** The error of a cut that lacks tensors. */
function openCut(file: string, { boundary: { closed, missing, suggestions } }: SlicePlan): SlicerError | null {
  if (closed) return null;
  return new SlicerError('cut-open', {
    file,
    missing: missing.map(({ address }) => address),
    suggestions: suggestions.map(({ inputs }) => inputs),
  });
}

function planJson({ cut: _cut, ...plan }: SlicePlan): Omit<SlicePlan, 'cut'> {
  return plan;
}

function planText(plan: SlicePlan): string {
  const tensors = (list: SlicePlan['inputs']): string =>
    list.map(({ address, shape }) => `${printable(address)} ${shapeText(shape)}`).join(', ');
  const { boundary, notExportable, params } = plan;
  return [
    `Inputs:  ${tensors(plan.inputs)}`,
    `Outputs: ${tensors(plan.outputs)}`,
    `Layers:  ${plan.layers.length} (${plan.calls} calls), ${params.total} parameters, ${plan.macs ?? 'unknown'} multiply-accumulates, ${bytesText(plan.weightBytes)} of weights`,
    ...boundary.missing.map(
      ({ address, shape, neededBy }) =>
        `Missing: ${printable(address)} ${shapeText(shape)}, needed by ${neededBy.map(printable).join(', ')}`,
    ),
    ...boundary.suggestions.map(
      ({ inputs, why }) => `Closed:  ${inputs.map((input) => `--input ${printable(input)}`).join(' ')} (${why})`,
    ),
    ...notExportable.map(({ address, reason }) => `Cannot be saved: ${printable(address)}: ${reason}`),
  ].join('\n');
}
