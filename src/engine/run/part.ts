/** One part of a proof: a slice that is run from its own topology and bytes. */
import { SlicerError } from '../../core/errors';
import type { InspectTensor } from '../../core/model/inspectDocument';
import type { Shape } from '../../core/model/layerGraph';
import { expandCalls } from '../../core/model/traversal';
import type { SlicePlan } from '../../core/slicing/slice';
import { runDType } from '../inputs/tensorShape';
import { collect, type Runnable } from './collect';
import { GraphRunner } from './graphRun';
import type { WeightSource } from './openedModel';
import { portAddresses } from './program';
import { tensorOfSnapshot, type CollectRun, type Snapshot } from './snapshot';
import { WeightStore } from './weights';

/** Parts of more bytes than this are read again for every set of data rather than kept beside the others. */
const largestKept = 256 * 2 ** 20;

export class Part {
  private opened: LoadedPart | null = null;

  /** @param open reads it back from what was, or would be, written. */
  constructor(
    readonly plan: SlicePlan,
    private readonly open: () => Promise<WeightSource>,
  ) {}

  /**
   * @param values by canonical address in the original; those that are its inputs are taken.
   * @returns its outputs, by their canonical addresses in the original.
   * @throws SlicerError `verification-failed` (`reason` `inputs`, `outputs`, `input-shape`, `input-dtype`) where it is
   *   not the slice that was planned, and what running throws.
   */
  async run(values: ReadonlyMap<string, Snapshot>, run: CollectRun): Promise<Map<string, Snapshot>> {
    this.opened ??= new LoadedPart(await this.open(), this.plan);
    const { opened, plan } = this;
    const given = plan.inputs.map(({ address }): Snapshot => {
      const value = values.get(address);
      if (!value) throw new SlicerError('internal', { reason: `no value for ${address}` });
      return value;
    });
    refuseOthers(plan.inputs, given, opened.inputs);
    const feeds = new Map(given.map((value, i) => [opened.inputs[i]?.address ?? '', tensorOfSnapshot(value)]));
    const found = await collect(opened, feeds, [...new Set(opened.outputs)], run);
    const result = new Map<string, Snapshot>();
    plan.outputs.forEach(({ address }, i) => {
      const value = found.get(opened.outputs[i] ?? '');
      if (value) result.set(address, value);
    });
    if (plan.weightBytes > largestKept) this.release();
    return result;
  }

  /** Drops what was loaded; the next run loads it again. */
  release(): void {
    this.opened?.dispose();
    this.opened = null;
  }
}

interface Port {
  name: string;
  address: string;
  shape: Shape | null;
  dtype: string | null;
}

class LoadedPart implements Runnable {
  readonly weights: WeightStore;
  /** Of its own model. */
  readonly inputs: Port[];
  readonly outputs: string[];
  private runner: Promise<GraphRunner> | null = null;

  constructor(
    readonly source: WeightSource,
    plan: SlicePlan,
  ) {
    this.weights = new WeightStore(source);
    const { graph } = source.model;
    const calls = expandCalls(graph);
    const layers = new Map(graph.layers.map((layer) => [layer.name, layer]));
    const addresses = portAddresses(source.model, calls, 'inputs');
    this.inputs = graph.inputs.map(({ name, layer, call, output }, i) => {
      const info = layers.get(layer)?.calls[call]?.outputs[output];
      return { name, address: addresses[i] ?? '', shape: info?.shape ?? null, dtype: info?.dtype ?? null };
    });
    this.outputs = portAddresses(source.model, calls, 'outputs');
    refuseCount('inputs', source, plan.inputs.length, this.inputs.length);
    refuseCount('outputs', source, plan.outputs.length, this.outputs.length);
  }

  graphRunner(): Promise<GraphRunner> {
    this.runner ??= GraphRunner.load(this.source);
    return this.runner;
  }

  dispose(): void {
    this.weights.dispose();
    void this.runner?.then(
      (runner) => runner.dispose(),
      () => undefined,
    );
  }
}

function refuseCount(reason: 'inputs' | 'outputs', { model }: WeightSource, expected: number, actual: number): void {
  if (expected !== actual) throw new SlicerError('verification-failed', { reason, file: model.file, expected, actual });
}

/** Whether each input takes the tensor that it stands for. */
function refuseOthers(planned: readonly InspectTensor[], given: readonly Snapshot[], inputs: readonly Port[]): void {
  given.forEach(({ shape, dtype }, i) => {
    const [port, plan] = [inputs[i], planned[i]];
    if (!port || !plan) return;
    const { address } = plan;
    const data = { input: port.name, address };
    // then the fault is the model's own, whoever made the slice
    if (plan.shape === null && port.shape) throw new SlicerError('unsupported', { reason: 'cut-rank', address });
    if (plan.shape && !fits(shape, plan.shape)) {
      const facts = { declared: [...plan.shape], actual: [...shape] };
      throw new SlicerError('unsupported', { reason: 'cut-shape', address, ...facts });
    }
    if (port.shape && !fits(shape, port.shape)) {
      const facts = { expected: [...shape], actual: [...port.shape] };
      throw new SlicerError('verification-failed', { reason: 'input-shape', ...data, ...facts });
    }
    const declared = runDType(port.dtype);
    if (port.dtype !== null && declared !== dtype && !isReadAs(dtype, declared))
      throw new SlicerError('verification-failed', {
        reason: 'input-dtype',
        ...data,
        expected: dtype,
        actual: declared,
      });
  });
}

function fits(shape: readonly number[], declared: Shape): boolean {
  return shape.length === declared.length && declared.every((size, axis) => size === null || size === shape[axis]);
}

/** Keras calls many inputs float32 that hold whole numbers or truth values; the values are the same. */
function isReadAs(dtype: string, declared: string): boolean {
  return declared === 'float32' && (dtype === 'int32' || dtype === 'bool');
}
