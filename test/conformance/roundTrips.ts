/**
 * Slices in Keras's own formats: of every model the whole and what leads to three of its tensors, written as `.keras` and
 * as `.h5`. The engine opens each again and runs it against the original; the values that it should give are left for real
 * Keras (`roundTrips.py`).
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { startEngine } from '../bench/engineClient';
import { NOT_RUN, REFUSALS } from './cuts';
import { SlicerError } from '../../src/core/errors';
import { expandCalls } from '../../src/core/model/traversal';
import type { ModelFile } from '../../src/core/model/modelFile';
import type { Cut, SliceFormat } from '../../src/core/slicing/slice';
import { planCut } from '../../src/core/slicing/sliceModel';
import type { InputSpec } from '../../src/protocol/engine';

const FORMATS: readonly SliceFormat[] = ['keras-v3', 'keras-h5'];
const EXTENSIONS: Readonly<Partial<Record<SliceFormat, string>>> = { 'keras-v3': '.keras', 'keras-h5': '.h5' };
/** What keeps a model from running here, or from being cut: said of the source, whatever it is saved as. */
const NOT_YET: ReadonlySet<string> = new Set([...NOT_RUN, 'bad-config']);

export interface RoundTripTask {
  engine: string;
  name: string;
  file: string;
  customLayers?: string[];
  inputs: { name: string; path: string }[];
  /** For what is written; emptied by the caller. */
  folder: string;
  tolerance: number;
  /** Of how many tensors what leads to them is cut out. */
  tensors: number;
}

/** One slice in one format. */
export interface RoundTrip {
  id: string;
  format: SliceFormat;
  /** Why it was not written, or what was said of it; null where nothing keeps it from being right. */
  declared: string | null;
  /** Said of a file that was written. */
  notes: string[];
  wrong: string[];
  /** What real Keras is to do; null where there is nothing for it. */
  job: KerasJob | null;
}

export interface KerasJob {
  file: string;
  /** Activations of the original by their addresses. */
  values: string;
  inputs: { name: string; address: string }[];
  outputs: string[];
  tolerance: number;
  /** Whether only Keras 2 is said to read the file. */
  mayFail: boolean;
}

/** @returns what became of each slice, and why the model has none. */
export async function writeRoundTrips(task: RoundTripTask): Promise<{ rows: RoundTrip[]; notYet: string | null }> {
  const { channel, stop } = startEngine(task.engine);
  const rows: RoundTrip[] = [];
  try {
    const { customLayers } = task;
    const opened = await channel.request('open', {
      path: task.file,
      ...(customLayers ? { customLayers } : {}),
    });
    const { model } = opened;
    const data = specs(model, task.inputs);
    const values = path.join(task.folder, 'values.npz');
    const cuts = cutsOf(model, task.tensors);
    const plans = cuts.flatMap((cut) => planned(model, cut));
    const addresses = [...new Set(plans.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]))];
    const run = await channel.request('run', {
      inputs: data,
      want: addresses,
      backend: 'auto',
      thumbnails: false,
      colorMap: 'viridis',
      keep: true,
    });
    await channel.request('exportActivations', {
      epoch: opened.epoch,
      runId: run.runId,
      addresses,
      target: values,
      png: false,
      force: true,
    });
    for (const [i, { cut }] of plans.entries()) {
      for (const format of FORMATS) {
        const row: RoundTrip = {
          id: `${task.name} ${cut.outputs.join() || 'whole'}`,
          format,
          declared: null,
          notes: [],
          wrong: [],
          job: null,
        };
        rows.push(row);
        const target = path.join(task.folder, `slice-${i}${EXTENSIONS[format] ?? ''}`);
        try {
          const plan = planCut(model, cut, format);
          const [lack] = plan.notExportable;
          if (lack) {
            row.declared = `${lack.address}: ${lack.reason}`;
            continue;
          }
          row.notes = plan.notes.map(({ message }) => message);
          await channel.request('save', { cut, format, target, force: true });
          const proof = await channel.request('verify', {
            cut,
            data: [data],
            tolerance: 0,
            backend: 'auto',
            slicePath: target,
          });
          if (!proof.passed)
            row.wrong.push(`read again: ${JSON.stringify(proof.outputs.filter(({ equal }) => !equal))}`);
          if (proof.sourceMatches !== true || proof.weightsMatch !== true)
            row.wrong.push(`record: ${String(proof.sourceMatches)} ${String(proof.weightsMatch)}`);
          row.job = {
            file: target,
            values,
            inputs: plan.inputs.map(({ name, address }) => ({ name, address })),
            outputs: plan.outputs.map(({ address }) => address),
            tolerance: task.tolerance,
            mayFail: row.notes.some((note) => note.startsWith('Only Keras 2 can load')),
          };
        } catch (error) {
          row.wrong.push(textOf(error));
          if (existsSync(target)) row.wrong.push('a file was left');
        }
      }
    }
    return { rows, notYet: null };
  } catch (error) {
    if (error instanceof SlicerError && NOT_YET.has(error.code)) return { rows, notYet: textOf(error) };
    throw error;
  } finally {
    stop();
  }
}

function textOf(error: unknown): string {
  return error instanceof SlicerError ? `${error.code} ${JSON.stringify(error.data).slice(0, 300)}` : String(error);
}

/** The whole model, and what leads to some tensors of it, spread evenly. */
function cutsOf(model: ModelFile, count: number): Cut[] {
  const calls = expandCalls(model.graph).filter(
    ({ kind, layer }) => kind !== 'input' && layer.className !== 'InputLayer' && layer.isLayer,
  );
  const addresses = Array.from({ length: count }).flatMap(
    (_, i) => calls[Math.floor((calls.length * (i + 1)) / (count + 1))]?.outputs[0] ?? [],
  );
  return [{ outputs: [], inputs: [] }, ...[...new Set(addresses)].map((output) => ({ outputs: [output], inputs: [] }))];
}

/** What a cut reads and hands out; nothing where it cannot be made at all. */
function planned(model: ModelFile, cut: Cut): { cut: Cut; inputs: string[]; outputs: string[] }[] {
  try {
    const { inputs, outputs } = planCut(model, cut);
    return [{ cut, inputs: inputs.map(({ address }) => address), outputs: outputs.map(({ address }) => address) }];
  } catch (error) {
    if (error instanceof SlicerError && REFUSALS.has(error.code)) return [];
    throw error;
  }
}

function specs({ graph }: ModelFile, files: RoundTripTask['inputs']): InputSpec[] {
  return graph.inputs.map(({ name }, i) => {
    const file = files.find((one) => one.name === name) ?? files[i];
    if (!file) return { input: name, source: { kind: 'random', seed: 7 } };
    return { input: name, source: { kind: 'array', path: file.path, name: file.name, format: 'npy' } };
  });
}
