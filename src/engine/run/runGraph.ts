/** A run of a graph-model: all nodes in one go, or in parts where they would not be in memory together. */
import type * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import { expandCalls, type ExpandedCall } from '../../core/model/traversal';
import type { BackendName } from '../../protocol/engine';
import { useBackend } from '../backends/backend';
import { Collector } from './collector';
import type { Feed } from './feed';
import { planGraph, type GraphPlan } from './graphMemory';
import { nodeTensor, type GraphResult, type GraphRunner } from './graphRun';
import type { KeptTensors, Recompute } from './keptTensors';
import { portAddresses } from './program';
import { refuseOthers } from './repeatable';
import { runFacts, type RunFacts, type RunOptions } from './runFacts';

/** One output of a node. */
interface NodeOutput {
  address: string;
  call: ExpandedCall;
  output: number;
}

export async function runGraph(options: RunOptions): Promise<RunFacts> {
  const { source, want, backend, signal, kept, memoryLimit: limit } = options;
  const { model } = source;
  const calls = expandCalls(model.graph);
  const outputs = portAddresses(model, calls, 'outputs');
  const feeds = new Map(
    model.graph.inputs.flatMap(({ name, layer }) => {
      const feed = options.feeds.get(name);
      return feed ? [[layer, feed] as const] : [];
    }),
  );
  const plan = planGraph({ model, calls, feeds, backend, limit });
  const outputSet = new Set(outputs);
  const collector = new Collector(options, outputSet, want === 'all' ? null : new Set(want));
  const wanted = calls.flatMap((call) =>
    call.outputs.flatMap((address, output): NodeOutput[] =>
      collector.wants(address) || outputSet.has(address) ? [{ address, call, output }] : [],
    ),
  );
  const inner = wanted.some(({ address }) => !outputSet.has(address));
  const runner = await options.graphRunner();
  if (inner && !plan.together && runner.hasControlFlow())
    throw new SlicerError('out-of-memory', {
      reason: 'control-flow',
      limit,
      allowed: Math.floor(limit / 2 ** 20),
    });
  const fed = new Map([...feeds].map(([layer, feed]) => [layer, feed.make()] as const));
  try {
    const start = performance.now();
    const result = await runner.run(fed, inner && plan.together, backend);
    const limits = { bytes: plan.keep, inBackend: plan.keepInBackend };
    kept?.allow(limits, recomputeBy(runner, { kept, feeds, plan, wanted, backend: result.backend }));
    const pauses = new Pauses(collector, signal, wanted.length);
    const take = ({ address, call }: NodeOutput, tensor: tf.Tensor): void =>
      collector.take({ address, tensor, masked: false, call, ms: 0, backend: result.backend });
    const there = ({ address, call, output }: NodeOutput): tf.Tensor | null =>
      (call.kind === 'input' ? fed.get(call.layer.name) : null) ??
      nodeTensor(result, call, output) ??
      result.outputs[outputs.indexOf(address)] ??
      null;
    try {
      if (!inner || plan.together) {
        for (const node of wanted) {
          const tensor = there(node);
          if (tensor) take(node, tensor);
          await pauses.after(node);
        }
      } else {
        await inWaves(runner, { wanted, plan, fed, backend: result.backend, there }, async (node, tensor) => {
          take(node, tensor);
          await pauses.after(node);
        });
      }
    } finally {
      disposeAll(result);
    }
    pauses.end();
    const { predictMs, fallbacks } = result;
    return runFacts(collector, outputs, backend, fallbacks, { predictMs, layersMs: performance.now() - start });
  } finally {
    for (const tensor of fed.values()) tensor.dispose();
  }
}

/** Between nodes: progress, and a look at whether to go on. */
class Pauses {
  private last = performance.now();
  private done = 0;
  private at = '';

  constructor(
    private readonly collector: Collector,
    private readonly signal: RunOptions['signal'],
    private readonly total: number,
  ) {}

  async after({ call }: NodeOutput): Promise<void> {
    this.done += 1;
    this.at = call.address;
    if (performance.now() - this.last <= 30) return;
    this.collector.report(this.done, this.total, this.at);
    await new Promise((resume) => setImmediate(resume));
    this.last = performance.now();
    if (this.signal.aborted) throw new SlicerError('cancelled');
  }

  end(): void {
    this.collector.report(this.total, this.total, this.at);
  }
}

interface Waves {
  wanted: readonly NodeOutput[];
  plan: GraphPlan;
  fed: Map<string, tf.Tensor>;
  backend: BackendName;
  /** What need not be computed. */
  there(node: NodeOutput): tf.Tensor | null;
}

/** Computes nodes, as many at once as memory allows, and hands them over in order. They stay this function's. */
async function inWaves(
  runner: GraphRunner,
  { wanted, plan, fed, backend, there }: Waves,
  visit: (node: NodeOutput, tensor: tf.Tensor) => void | Promise<void>,
): Promise<void> {
  for (let at = 0; at < wanted.length;) {
    const wave: NodeOutput[] = [];
    let bytes = 0;
    for (let node = wanted[at]; node; node = wanted[at]) {
      const size = plan.bytesOf(node.call, node.output);
      if (wave.length > 0 && bytes + size > plan.wave) break;
      wave.push(node);
      bytes += size;
      at += 1;
    }
    const lacking = wave.filter((node) => !there(node));
    const computed = await fetchEach(runner, lacking, fed, backend);
    try {
      for (const node of wave) {
        const tensor = there(node) ?? computed.get(node);
        if (tensor) await visit(node, tensor);
      }
    } finally {
      for (const tensor of computed.values()) tensor.dispose();
    }
  }
}

/** Nodes that give nothing are left out, as they are when all run together. */
async function fetchEach(
  runner: GraphRunner,
  nodes: readonly NodeOutput[],
  fed: Map<string, tf.Tensor>,
  backend: BackendName,
): Promise<Map<NodeOutput, tf.Tensor>> {
  const place = ({ call, output }: NodeOutput): { layer: string; output: number } => ({
    layer: call.layer.name,
    output,
  });
  try {
    const { tensors } = await runner.fetch(fed, nodes.map(place), backend);
    return new Map(nodes.flatMap((node, i) => (tensors[i] ? [[node, tensors[i]] as const] : [])));
  } catch (error) {
    if (!(error instanceof SlicerError) || error.code !== 'not-runnable') throw error;
    if (nodes.length <= 1) return new Map();
    const found = new Map<NodeOutput, tf.Tensor>();
    for (const node of nodes) for (const entry of await fetchEach(runner, [node], fed, backend)) found.set(...entry);
    return found;
  }
}

interface Recomputed {
  kept: KeptTensors;
  feeds: ReadonlyMap<string, Feed>;
  plan: GraphPlan;
  wanted: readonly NodeOutput[];
  /** What the graph ran on as a whole. */
  backend: BackendName;
}

function recomputeBy(runner: GraphRunner, { kept, feeds, plan, wanted, backend }: Recomputed): Recompute {
  return async ({ addresses, visit, signal }) => {
    await useBackend(backend);
    const asked = new Set(addresses);
    const fed = new Map([...feeds].map(([layer, feed]) => [layer, feed.make()] as const));
    try {
      const nodes = wanted.filter(({ address }) => asked.has(address));
      // of what runs several times the last is there, and only beside everything else
      const whole = runner.hasControlFlow() ? await runner.run(fed, true, backend) : null;
      const there = ({ call, output }: NodeOutput): tf.Tensor | null =>
        (call.kind === 'input' ? fed.get(call.layer.name) : null) ?? (whole && nodeTensor(whole, call, output));
      try {
        await inWaves(runner, { wanted: nodes, plan, fed, backend, there }, async ({ address }, tensor) => {
          if (signal.aborted) throw new SlicerError('cancelled');
          refuseOthers(kept, address, tensor);
          await visit(address, tensor);
        });
      } finally {
        if (whole) disposeAll(whole);
      }
    } finally {
      for (const tensor of fed.values()) tensor.dispose();
    }
  };
}

function disposeAll({ outputs, nodes }: GraphResult): void {
  for (const tensor of [...outputs, ...[...nodes.values()].flat()]) if (tensor && !tensor.isDisposed) tensor.dispose();
}
