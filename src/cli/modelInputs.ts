import { formatAddress } from '../core/model/address';
import type { ModelFile } from '../core/model/modelFile';

/** The model's inputs with the names that feeds use, and their addresses. */
export function modelInputs({ graph }: ModelFile): { name: string; address: string }[] {
  return graph.inputs.map(({ name, layer, call, output }) => ({
    name,
    address: formatAddress([{ name: layer, call }], output),
  }));
}
