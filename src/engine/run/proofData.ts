/** The values of one set of inputs, ready to be fed as often as a proof's parts ask for them. */
import type * as tf from '@tensorflow/tfjs-core';
import { inputInfo } from '../inputs/inputInfo';
import { resolveInput } from '../inputs/resolveInput';
import type { InputSpec } from '../../protocol/engine';
import type { WeightSource } from './openedModel';
import type { ProofData } from './verify';
import type { tensorOf } from './weights';

/** @throws SlicerError what `resolveInput` throws. */
export async function proofData(
  specs: readonly InputSpec[],
  { model }: WeightSource,
  makeTensor: typeof tensorOf,
): Promise<ProofData> {
  const inputs: ProofData['inputs'] = [];
  const feeds = new Map<string, () => tf.Tensor>();
  for (const spec of specs) {
    const { resolved, data, shape, dtype } = await resolveInput(spec, inputInfo(model, spec.input), model);
    const { picture: _, ...facts } = resolved;
    inputs.push(facts);
    feeds.set(resolved.input, () => makeTensor(data, shape, dtype));
  }
  return { label: labelOf(inputs), inputs, feeds };
}

/** `random:7`; where the inputs have different ones, each with its name. */
function labelOf(inputs: ProofData['inputs']): string {
  const [first] = inputs;
  if (!first) return '';
  if (inputs.every(({ label }) => label === first.label)) return first.label;
  return inputs.map(({ input, label }) => `${input}=${label}`).join(', ');
}
