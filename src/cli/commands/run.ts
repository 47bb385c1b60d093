import path from 'node:path';
import { SlicerError } from '../../core/errors';
import { matchPattern } from '../../core/model/patterns';
import type { RunResult } from '../../protocol/engine';
import { backendOf } from '../backendOption';
import { memoryLimitOf } from '../memoryOption';
import { inputSpecs, type InputOptions } from '../inputSpecs';
import { modelInputs } from '../modelInputs';
import { print, printJson, warn } from '../output';
import { inputJson, sayInputs } from '../sayInputs';
import { Session, type SessionOptions } from '../session';
import { bytesText, shapeText, shortNumber, textTable } from '../textTable';

export interface RunOptions extends SessionOptions, Omit<InputOptions, 'input'> {
  input?: string[];
  layers?: string[];
  all?: boolean;
  out?: string;
  png?: boolean;
  force?: boolean;
  backend?: string;
  memoryLimit?: string;
  json?: boolean;
}

export async function run(file: string, options: RunOptions): Promise<void> {
  const wish = { ...backendOf(options.backend), ...memoryLimitOf(options.memoryLimit) };
  if (options.png && (options.out === undefined || options.out.endsWith('.npz'))) {
    throw new SlicerError('usage', { detail: '--png writes into a folder: give --out DIR.' });
  }
  await Session.with(file, options, async (session) => {
    session.needWeights();
    const patterns = options.layers ?? [];
    const wanted = [...new Set(patterns.flatMap((pattern) => matchPattern(session.model.graph, pattern)))];
    if (patterns.length > 0 && wanted.length === 0 && !options.all) {
      throw new SlicerError('unknown-address', { address: patterns.join(', '), reason: 'pattern' });
    }
    const all = options.all === true || (options.out !== undefined && patterns.length === 0);
    const result = await session.request(
      'run',
      {
        inputs: inputSpecs(modelInputs(session.model), { ...options, input: options.input ?? [] }),
        want: all ? 'all' : wanted,
        // what is inside a layer is not among all layers' outputs
        ...(all ? { inner: wanted } : {}),
        ...wish,
        thumbnails: false,
        colorMap: 'viridis',
        keep: options.out !== undefined,
      },
      'running',
    );
    if (options.out !== undefined) await writeActivations(session, result, options.out, options);
    sayWhatWasDone(result);
    if (options.json) await printJson(runJson(result));
    else await print(runText(result));
  });
}

async function writeActivations(
  session: Session,
  { epoch, runId }: RunResult,
  out: string,
  options: RunOptions,
): Promise<void> {
  const { files, bytes } = await session.request(
    'exportActivations',
    {
      epoch,
      runId,
      addresses: 'all',
      target: path.resolve(out),
      png: options.png === true,
      force: options.force === true,
    },
    'writing',
  );
  warn(`written: ${files.length === 1 ? (files[0] ?? out) : `${files.length} files`} (${bytesText(bytes)})`);
}

/** What was chosen for the user goes to stderr, so that nothing is silent. */
function sayWhatWasDone({ inputs, fallbacks }: RunResult): void {
  sayInputs(inputs);
  for (const { address, backend, reason } of fallbacks) warn(`${address} ran on ${backend}: ${reason}`);
}

function runJson(result: RunResult): unknown {
  const { backend, inputs, predictMs, layersMs, outputs, activations, firstNonFinite, fallbacks, attributes } = result;
  return {
    backend,
    inputs: inputs.map(inputJson),
    predictMs,
    layersMs,
    outputs: outputs.map(({ values, ...output }) => ({ ...output, values: values.slice(0, 1000) })),
    activations: activations.map(({ address, shape, dtype, statistics, ms, backend: ranOn }) => ({
      address,
      shape,
      dtype,
      ...statistics,
      ms,
      backend: ranOn,
    })),
    firstNonFinite,
    ...(attributes.length > 0 ? { attributes } : {}),
    ...(fallbacks.length > 0 ? { fallbacks } : {}),
  };
}

function runText({ outputs, activations, backend, predictMs, firstNonFinite, attributes }: RunResult): string {
  const lines: string[] = [];
  for (const { address, shape, values } of outputs) {
    const shown = values
      .slice(0, 10)
      .map((value) => (typeof value === 'number' ? shortNumber(value) : JSON.stringify(value)));
    lines.push(`${address} ${shapeText(shape)}: ${shown.join(' ')}${values.length > 10 ? ' …' : ''}`);
  }
  if (activations.length > 0) {
    const titles = ['layer', 'shape', 'min', 'max', 'mean', 'std', 'zeros', 'dead'];
    const rows = activations.map(({ address, shape, statistics: s }) => [
      address,
      shapeText(shape),
      s.min,
      s.max,
      s.mean,
      s.std,
      s.zeros,
      s.deadChannels,
    ]);
    lines.push('', textTable(titles, rows));
  }
  const shown = new Set(activations.map(({ address }) => address));
  const others = attributes.filter(({ address }) => !shown.has(address));
  if (others.length > 0)
    lines.push(
      '',
      'What custom layers set on themselves, for --layers:',
      ...others.map(({ address, shape }) => `  ${address} ${shapeText(shape)}`),
    );
  if (firstNonFinite !== null) lines.push('', `The first tensor with NaN or infinity is ${firstNonFinite}.`);
  lines.push('', `${backend}, ${predictMs.toFixed(1)} ms`);
  return lines.join('\n');
}
