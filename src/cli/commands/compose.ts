import path from 'node:path';
import { composeModel } from '../../core/composing/composeModel';
import type { ComposePlan, Composition, Finding } from '../../core/composing/composition';
import { SlicerError } from '../../core/errors';
import { noteSentence, sentence } from '../../core/messages';
import type { ComposedProof } from '../../protocol/engine';
import { backendOf } from '../backendOption';
import { memoryLimitOf } from '../memoryOption';
import { compositionOf, type ComposeOptions } from '../composeOptions';
import { dataSets, type DataOptions } from '../dataSets';
import { errorJson, print, printJson, warn } from '../output';
import { inputJson, sayInputs } from '../sayInputs';
import { Session, type SessionOptions } from '../session';
import { bytesText, printable, shapeText, shortNumber, textTable } from '../textTable';
import { layerCode } from './composeCode';

export interface ComposeCommandOptions extends SessionOptions, ComposeOptions, Pick<DataOptions, 'data' | 'dim'> {
  plan?: boolean;
  to?: string;
  shardSize?: string;
  force?: boolean;
  verify?: boolean;
  tolerance?: string;
  backend?: string;
  memoryLimit?: string;
  code?: string;
  language?: string;
  runtime?: string;
  json?: boolean;
}

/** Throws `verification-failed` after the answer was printed when the numbers differ. */
export async function compose(file: string, options: ComposeCommandOptions): Promise<void> {
  const { to, verify, code } = options;
  if (!options.plan && to === undefined && !verify && code === undefined) {
    const detail = 'Say what is wanted: --to DIR or FILE, --plan, --verify, or --code RECIPE.';
    throw new SlicerError('usage', { detail });
  }
  const shardBytes = options.shardSize === undefined ? undefined : Number(options.shardSize);
  if (shardBytes !== undefined && !(Number.isInteger(shardBytes) && shardBytes >= 1))
    throw new SlicerError('usage', { detail: '--shard-size is a number of bytes.' });
  const tolerance = Number(options.tolerance ?? 0);
  if (!(tolerance >= 0)) throw new SlicerError('usage', { detail: '--tolerance is a number that is not negative.' });
  const wish = { ...backendOf(options.backend), ...memoryLimitOf(options.memoryLimit) };
  await Session.with(file, options, async (session) => {
    session.needWeights();
    const { composition, plan, secondPath } = await composed(session, file, options);
    const second = secondPath === undefined ? {} : { secondPath };
    const written =
      to === undefined || options.plan
        ? null
        : await session.request(
            'saveComposed',
            {
              composition,
              ...second,
              target: path.resolve(to),
              force: options.force === true,
              ...(shardBytes === undefined ? {} : { shardBytes }),
            },
            'writing',
          );
    const proof = verify
      ? await session.request(
          'verifyComposed',
          {
            composition,
            ...second,
            // what is on the disk is what is proven
            ...(written && to !== undefined ? { savedPath: path.resolve(to) } : {}),
            data: dataSets(plan.inputs, options),
            tolerance,
            ...wish,
          },
          'verifying',
        )
      : null;
    const snippet =
      code === undefined
        ? null
        : await layerCode(session.model, file, composition, plan, {
            recipe: code,
            language: options.language,
            runtime: options.runtime,
          });
    const error = proof && !proof.passed ? failure(proof, tolerance) : null;
    if (proof) sayInputs(proof.data.flatMap(({ inputs }) => inputs ?? []));
    if (options.json) {
      await printJson({
        ...planJson(plan),
        ...(written ? { written } : {}),
        ...(proof ? { proof: proofJson(proof) } : {}),
        ...(snippet ? { code: snippet } : {}),
        ...(error ? { error: errorJson(error) } : {}),
      });
    } else {
      const text = [
        planText(plan),
        ...(written ? [`Written: ${written.files.join(', ')} (${bytesText(written.bytes)}) to ${to ?? ''}`] : []),
      ];
      if (proof) text.push(proofText(proof));
      sayNotes(plan);
      // code alone goes to stdout, so that it can be piped into a file
      if (!snippet || options.plan) await print(text.join('\n'));
      else if (written || proof) for (const line of text.slice(1)) warn(line);
      if (snippet) await print(snippet.text);
    }
    if (error) throw error;
  });
}

interface Planned {
  composition: Composition;
  plan: ComposePlan;
  secondPath: string | undefined;
}

/** @throws SlicerError `does-not-fit` after the findings were printed. */
async function composed(session: Session, file: string, options: ComposeCommandOptions): Promise<Planned> {
  const { with: other, shared } = options;
  const withBase = other !== undefined && shared === true;
  if (shared === true && other === undefined) throw new SlicerError('usage', { detail: '--shared needs --with.' });
  if (withBase && path.resolve(other) !== path.resolve(file))
    throw new SlicerError('usage', { reason: 'shared-other' });
  const secondPath = other === undefined || withBase ? undefined : path.resolve(other);
  const second = secondPath === undefined ? null : (await session.request('readOther', { path: secondPath })).model;
  const composition = compositionOf(session.model, second, options);
  const result = composeModel({ base: session.model, second }, composition);
  if (result.fits) return { composition, plan: result.plan, secondPath };
  const finding = result.findings.find(({ blocks, adapted }) => blocks && !adapted);
  const error = new SlicerError('does-not-fit', finding?.data ?? {});
  if (options.json) await printJson({ findings: result.findings.map(findingJson), error: errorJson(error) });
  else for (const one of result.findings) if (one !== finding) warn(sentence({ code: 'does-not-fit', data: one.data }));
  if (!options.json && finding?.adapter) warn('--adapt puts what is needed between.');
  throw error;
}

function findingJson({ kind, data, adapter, adapted, blocks }: Finding): object {
  return { kind, blocks, adapted, adapter, message: sentence({ code: 'does-not-fit', data }) };
}

function planJson({ findings, notes, partNotes, ...plan }: ComposePlan): object {
  return {
    ...plan,
    findings: findings.map(findingJson),
    notes: [
      ...notes.map((note) => ({ code: note.code, message: noteSentence(note) })),
      ...partNotes.map(({ part, message }) => ({ code: 'part', part, message })),
    ],
  };
}

function sayNotes({ findings, renamed, notes, partNotes }: ComposePlan): void {
  for (const { data, adapted } of findings) {
    const text = sentence({ code: 'does-not-fit', data });
    warn(adapted && typeof data.adapter === 'string' ? `adapted (${data.adapter}): ${text}` : `note: ${text}`);
  }
  for (const { part, from, to } of renamed)
    warn(
      `note: the layer ${printable(from)} of ${printable(part)} is called ${printable(to)}, because the other part has one of that name`,
    );
  for (const note of notes) warn(`note: ${noteSentence(note)}`);
  for (const { part, message } of partNotes) warn(`note: ${printable(part)}: ${message}`);
}

function planText(plan: ComposePlan): string {
  const tensors = (list: ComposePlan['inputs']): string =>
    list.map(({ name, shape }) => `${printable(name)} ${shapeText(shape)}`).join(', ');
  const frozen = new Map(plan.parts.map((part) => [part.name, part]));
  const rows = plan.layers.map(({ name, className, role, shape }) => {
    const part = frozen.get(name);
    return [name, className, shapeText(shape), part ? `${part.file}${part.frozen ? ', frozen' : ''}` : role];
  });
  return [
    textTable(['layer', 'class', 'output shape', ''], rows),
    `Inputs:  ${tensors(plan.inputs)}`,
    `Outputs: ${tensors(plan.outputs)}`,
    `${plan.params.total} parameters (${plan.params.trainable} trainable), ${plan.macs ?? 'unknown'} multiply-accumulates, ${bytesText(plan.weightBytes)} of weights`,
    ...plan.notExportable.map(({ address, reason }) => `Cannot be saved: ${printable(address)}: ${reason}`),
  ].join('\n');
}

function proofJson({ data, ...proof }: ComposedProof): object {
  return { ...proof, data: data.map(({ inputs, ...one }) => ({ ...one, inputs: (inputs ?? []).map(inputJson) })) };
}

function proofText({ data, passed, backend, weak, wholeFromParts }: ComposedProof): string {
  const difference = (value: number | string): string => (typeof value === 'number' ? shortNumber(value) : value);
  const rows = data.flatMap(({ label, outputs }) =>
    outputs.map(({ address, maxAbsDiff, equal }) => [
      equal ? 'equal' : 'different',
      address,
      label,
      difference(maxAbsDiff),
    ]),
  );
  const lines = [textTable(['', 'output', 'data', 'largest difference to its parts'], rows)];
  if (wholeFromParts)
    lines.push(`Each part inside and apart: largest difference ${difference(wholeFromParts.maxAbsDiff)}.`);
  if (weak) lines.push('Every output is constant for this data, so that this proves little: try other data.');
  lines.push(`${passed ? 'Passed' : 'Failed'} (${backend}).`);
  return lines.join('\n');
}

function failure({ outputs, wholeFromParts }: ComposedProof, tolerance: number): SlicerError {
  const worst = outputs.find(({ equal }) => !equal);
  return new SlicerError('verification-failed', {
    address: worst?.address ?? wholeFromParts?.address ?? '',
    maxAbsDiff: worst?.maxAbsDiff ?? wholeFromParts?.maxAbsDiff ?? '?',
    tolerance,
  });
}
