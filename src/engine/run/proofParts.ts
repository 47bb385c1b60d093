/** What can be put before and after a slice so that the whole model comes out again. */
import { SlicerError } from '../../core/errors';
import { expandCalls } from '../../core/model/traversal';
import type { Cut } from '../../core/slicing/slice';
import { sliceModel } from '../../core/slicing/sliceModel';
import { callCount } from './collect';
import type { WeightSource } from './openedModel';
import { Part } from './part';
import { portAddresses } from './program';
import { openSliceInMemory } from './sliceInMemory';

export interface ProofParts {
  slice: Part;
  /** From the model's own inputs to the slice's; null where the slice starts there, or where there is no such part. */
  prefix: Part | null;
  /** From the slice's outputs to the model's. */
  suffix: Part | null;
  /** The original's inputs. */
  inputs: { name: string; address: string }[];
  /** Addresses of the original's tensors that a proof needs. */
  wanted: string[];
  originalCalls: number;
  /** Of the original and of all parts. */
  calls: number;
}

export function proofParts(original: WeightSource, slice: Part): ProofParts {
  const { model } = original;
  const expanded = expandCalls(model.graph);
  const inputs = portAddresses(model, expanded, 'inputs');
  const outputs = portAddresses(model, expanded, 'outputs');
  const cutInputs = slice.plan.inputs.map(({ address }) => address);
  const cutOutputs = slice.plan.outputs.map(({ address }) => address);
  const inner = cutInputs.filter((address) => !inputs.includes(address));
  const left = [...new Set(outputs)].filter((address) => !cutOutputs.includes(address));
  const prefix = inner.length > 0 ? partOf(original, { outputs: inner, inputs: [] }) : null;
  const suffix =
    left.length > 0 && canCompute(original, left) ? partOf(original, { outputs: left, inputs: cutOutputs }) : null;
  const wanted = [
    ...new Set([
      ...cutOutputs,
      ...cutInputs,
      ...(prefix ? prefix.plan.inputs.map(({ address }) => address) : []),
      ...(suffix ? left : []),
    ]),
  ];
  const originalCalls = callCount(model, wanted);
  const partCalls = [slice, prefix, suffix].reduce((sum, part) => sum + (part?.plan.calls ?? 0), 0);
  return {
    slice,
    prefix,
    suffix,
    inputs: model.graph.inputs.map(({ name }, i) => ({ name, address: inputs[i] ?? '' })),
    wanted,
    originalCalls,
    calls: originalCalls + partCalls,
  };
}

/** Null where the part cannot be planned: its boundary is open, a mask crosses it, nothing can be cut there. */
function partOf(original: WeightSource, cut: Cut): Part | null {
  try {
    const planned = sliceModel(original.model, cut);
    return new Part(planned.plan, () => openSliceInMemory(planned, original));
  } catch (error) {
    if (error instanceof SlicerError && error.code !== 'internal') return null;
    throw error;
  }
}

/** Whether everything that leads to `wanted` runs here: a model's end may be of a class that nothing computes. */
function canCompute({ model }: WeightSource, wanted: readonly string[]): boolean {
  try {
    callCount(model, wanted);
    return true;
  } catch (error) {
    if (error instanceof SlicerError && (error.code === 'not-runnable' || error.code === 'missing-weight'))
      return false;
    throw error;
  }
}
