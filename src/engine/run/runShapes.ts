/** The shapes that a run's tensors will have, worked out from those of its inputs. */
import { SlicerError } from '../../core/errors';
import { operationFacts } from '../../core/formats/operationShapes';
import { layerFacts } from '../../core/layers/layerFacts';
import type { Shape, TensorInfo } from '../../core/model/layerGraph';
import type { Program, Step } from './program';

/** What is fed for one input, or for a tensor that is supplied in its place. */
export interface FedShape {
  shape: readonly number[];
  dtype: string;
}

const unknown: TensorInfo = { shape: null, dtype: null };

/**
 * Shape and type of every tensor of the program, by address, without an unknown dimension; `shape` is null where it
 * cannot be told before the call is done.
 * @param fed by address.
 */
export function runShapes(program: Program, fed: ReadonlyMap<string, FedShape>): Map<string, TensorInfo> {
  const batch = Math.max(1, ...[...fed.values()].map(({ shape }) => shape[0] ?? 1));
  const infos = new Map<string, TensorInfo>();
  for (const step of program.steps) {
    const inputs = step.call.inputs.map((address) => infos.get(address) ?? unknown);
    const outputs = step.kernel ? factsOf(step, program.keras, inputs) : inputs;
    step.call.outputs.forEach((address, i) => {
      const declared = step.layerCall.outputs[i] ?? unknown;
      const given = step.call.kind === 'input' ? fed.get(address) : undefined;
      const info = given ?? outputs[i] ?? unknown;
      const shape = concrete(info.shape) ?? concrete(withBatch(declared.shape, batch));
      infos.set(address, { shape, dtype: info.dtype ?? declared.dtype });
    });
  }
  return infos;
}

/** As the layer catalogue has it; nothing where it does not know, or where the file contradicts itself. */
function factsOf({ call, layerCall }: Step, keras: 2 | 3, inputs: TensorInfo[]): readonly TensorInfo[] {
  const { layer } = call;
  const { className, config } = layer;
  try {
    if (!layer.isLayer || className.endsWith('OpLambda'))
      return operationFacts(layer, layerCall, inputs)?.outputs ?? [];
    const plain = className.startsWith('keras>') ? className.slice('keras>'.length) : className;
    const { args, kwargs } = layerCall;
    return layerFacts({ className: plain, config, keras, inputs, args, kwargs })?.outputs ?? [];
  } catch (error) {
    if (error instanceof SlicerError) return [];
    throw error;
  }
}

function withBatch(shape: Shape | null, batch: number): Shape | null {
  return shape && shape[0] === null ? [batch, ...shape.slice(1)] : shape;
}

function concrete(shape: Shape | null): Shape | null {
  return shape?.every((size) => size !== null) ? shape : null;
}
