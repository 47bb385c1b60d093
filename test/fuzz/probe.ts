/** Does with one file what a user does with it, and says what came of it. Runs in a process of its own: it may hang. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { EngineClient } from '../../src/client/engineClient';
import { SlicerError } from '../../src/core/errors';
import { inspectModel } from '../../src/core/model/inspect';
import type { ModelFile } from '../../src/core/model/modelFile';
import { planCut } from '../../src/core/slicing/sliceModel';
import { layerIndex } from '../../src/core/userCode/layerIndex';
import type { InputSpec } from '../../src/protocol/engine';

export interface Probe {
  id: number;
  /** Of the case: what the engine may read. */
  folder: string;
  file: string;
  /** `input`: the file is given to the model at `model`. */
  model: string | null;
}

export interface Finding {
  id: number;
  stage: string;
  /** The error's code; null: all went well. */
  code: string | null;
  message: string;
  /** What no file may do. */
  wrong: string | null;
}

const [, , enginePath = '', watch = '', scratch = ''] = process.argv;
/** CPU seconds of the engine that a step may take, and MB above what it had before. */
const LIMITS: Readonly<Record<string, number>> = { open: 2, resolveInputs: 2, weightStatistics: 2, run: 20, save: 10 };
const MEMORY_MB = 512;

const outside: string[] = [];
let client = newClient();
let openModel: string | null = null;

function newClient(): EngineClient {
  return new EngineClient({
    enginePath,
    execArgv: ['--require', watch],
    onLog: (level, text) => {
      if (level === 'error') outside.push(...text.split('\n').filter((line) => line.startsWith('outside: ')));
    },
  });
}

process.on('message', (probe: Probe) => void answer(probe));

async function answer(probe: Probe): Promise<void> {
  outside.length = 0;
  const at = { stage: 'open' };
  const finding: Finding = { id: probe.id, stage: '', code: null, message: '', wrong: null };
  try {
    await (probe.model === null ? useModel(probe, at) : useInput(probe, probe.model, at));
  } catch (error) {
    finding.message = error instanceof Error ? error.message : String(error);
    if (error instanceof Wrong) finding.wrong = error.message;
    else if (!(error instanceof SlicerError)) finding.wrong = `an error without code: ${stackOf(error)}`;
    else {
      finding.code = error.code;
      if (error.code === 'internal' || error.code === 'engine-crashed')
        finding.wrong = `${error.code}: ${JSON.stringify(error.data)} ${stackOf(error)}`;
    }
  }
  finding.stage = at.stage;
  if (outside.length > 0) finding.wrong ??= outside.join('; ');
  if (finding.wrong !== null) restart();
  process.send?.(finding);
}

class Wrong extends Error {}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message).slice(0, 1200) : String(error);
}

function restart(): void {
  client.dispose();
  client = newClient();
  openModel = null;
}

async function useModel({ folder, file }: Probe, at: { stage: string }): Promise<void> {
  openModel = null;
  const { model } = await asked(at, 'open', { path: file });
  at.stage = 'inspect';
  const rows = inspectModel(model);
  layerIndex(rows);
  at.stage = 'plan';
  const { layers } = model.graph;
  for (const layer of [layers[1], layers.at(-2)]) if (layer) planOf(model, layer.name);
  const weighted = layers.find(({ weights, graph }) => weights.length > 0 && !graph);
  const inputs: InputSpec[] = rows.inputs.map(({ name }) => ({ input: name, source: { kind: 'zeros' } }));
  await asked(at, 'run', {
    inputs,
    want: 'all',
    backend: 'cpu',
    thumbnails: true,
    colorMap: 'viridis',
    keep: false,
  });
  if (weighted) await asked(at, 'weightStatistics', { address: weighted.name });
  const target = path.join(folder, 'saved');
  await asked(at, 'save', { cut: { outputs: [], inputs: [] }, target, force: true });
}

/** Many cuts are refused, with a code. */
function planOf(model: ModelFile, name: string): void {
  try {
    planCut(model, { outputs: [name], inputs: [] });
  } catch (error) {
    if (!(error instanceof SlicerError)) throw error;
  }
}

async function useInput({ file }: Probe, model: string, at: { stage: string }): Promise<void> {
  if (openModel !== model) await asked(at, 'open', { path: model });
  openModel = model;
  const name = path.basename(file);
  const format = name.endsWith('.npy') ? 'npy' : name.endsWith('.npz') ? 'npz' : name.endsWith('.json') ? 'json' : null;
  await asked(at, 'resolveInputs', {
    inputs: [
      {
        input: 'input_layer',
        source: format ? { kind: 'array', path: file, name, format } : { kind: 'picture', path: file, name },
      },
    ],
  });
}

type Requests = Parameters<EngineClient['request']>[0];

async function asked<M extends Requests>(
  at: { stage: string },
  method: M,
  params: Parameters<typeof client.request<M>>[1],
): Promise<Awaited<ReturnType<typeof client.request<M>>>> {
  at.stage = method;
  let before = used();
  let hung = false;
  const controller = new AbortController();
  const timer = setInterval(() => {
    const now = used();
    // the first request starts the engine
    before ??= now;
    if (before && now && now.pid === before.pid && now.cpu - before.cpu > (LIMITS[method] ?? 5)) {
      hung = true;
      controller.abort();
    }
  }, 100);
  try {
    return (await client.request(method, params, { signal: controller.signal })) as never;
  } catch (error) {
    if (hung) throw new Wrong(`${method} took more than ${LIMITS[method] ?? 5} s`);
    throw error;
  } finally {
    clearInterval(timer);
    const after = used();
    if (before && after && after.pid === before.pid && after.peak - before.rss > MEMORY_MB)
      // eslint-disable-next-line no-unsafe-finally -- worse than whatever else came of it
      throw new Wrong(`${method} took ${Math.round(after.peak - before.rss)} MB`);
  }
}

/** CPU seconds, and memory now and at its highest since the last time, MB. Null where the system does not tell. */
function used(): { pid: number; cpu: number; rss: number; peak: number } | null {
  const { pid } = client;
  if (pid === null) return null;
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const megabytes = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
    const result = {
      pid,
      cpu: (Number(fields[11]) + Number(fields[12])) / 100,
      rss: megabytes('VmRSS'),
      peak: megabytes('VmHWM'),
    };
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
    return result;
  } catch {
    return null;
  }
}

process.on('disconnect', () => {
  client.dispose();
  rmSync(scratch, { recursive: true, force: true });
  process.exit(0);
});
