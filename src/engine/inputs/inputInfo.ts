/** A model's input as the model declares it. */
import { SlicerError } from '../../core/errors';
import type { DType, Shape } from '../../core/model/layerGraph';
import type { ModelFile } from '../../core/model/modelFile';

/**
 * @param name the input's own, or its layer's.
 * @throws SlicerError `bad-input` with `reason: 'unknown-input'` and the names that there are.
 */
export function inputInfo(
  { graph }: ModelFile,
  name: string,
): { name: string; shape: Shape | null; dtype: DType | null } {
  const port = graph.inputs.find((input) => input.name === name) ?? graph.inputs.find(({ layer }) => layer === name);
  if (!port)
    throw new SlicerError('bad-input', {
      reason: 'unknown-input',
      input: name,
      names: graph.inputs.map((input) => input.name),
    });
  const layer = graph.layers.find((one) => one.name === port.layer);
  const info = layer?.calls[port.call]?.outputs[port.output];
  return { name: port.name, shape: info?.shape ?? null, dtype: info?.dtype ?? null };
}
