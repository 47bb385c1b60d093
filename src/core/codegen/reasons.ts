/** Why TypeScript cannot do something with a model's own tensors, as ends of sentences; null where it can. */
import { resolveAddress } from '../model/address';
import type { ModelFile } from '../model/modelFile';
import type { CodeTask } from './codeTask';
import { lacksOfTfjs } from './customLayers';
import { isOwnInput } from './savedSlice';

export function firstReason(...reasons: readonly (string | null)[]): string | null {
  return reasons.find((reason) => reason !== null) ?? null;
}

/** A tensor inside a layer is no layer's output. */
export function insideLayer({ model, plan }: CodeTask): string | null {
  const inside = [...plan.outputs, ...plan.inputs].find(
    ({ address }) => resolveAddress(model.graph, address).inner !== null,
  );
  return inside
    ? `${inside.address} is inside a layer, which hands out only its output: save the slice and load that`
    : null;
}

/** Classes of the user's own are there where the file itself is loaded; in no slice. */
export function notComputable({ model, plan, fileProblem }: CodeTask): string | null {
  const [lack] = fileProblem === null ? lacksOfTfjs(model, plan) : plan.notExportable;
  return lack ? `TF.js cannot compute ${lack.address}: ${lack.reason}` : null;
}

export function startsInside(task: CodeTask): string | null {
  const inside = task.plan.inputs.find(({ address }) => !isOwnInput(task, address));
  return inside
    ? `the cut starts at ${inside.address}, inside the model, and a TF.js model starts at its inputs: save the slice and load that`
    : null;
}

/** What every sub-model of the loaded model needs; a saved slice needs less. */
export function noSubModel(task: CodeTask): string | null {
  if (task.fileProblem !== null) return notComputable(task);
  return firstReason(insideLayer(task), notComputable(task), startsInside(task));
}

export function unknownInput({ plan }: CodeTask): string | null {
  const unknown = plan.inputs.find(({ shape }) => shape === null);
  return unknown ? `the shape of its input ${unknown.address} is not known` : null;
}

/** A head is chosen by the shape of what it reads. */
export function unknownOutput({ plan }: CodeTask): string | null {
  const unknown = plan.outputs.find(({ shape }) => shape === null);
  return unknown ? `the shape of ${unknown.address} is not known` : null;
}

export function severalOutputs({ plan }: CodeTask, instead: string): string | null {
  return plan.outputs.length > 1 ? `the cut has ${plan.outputs.length} outputs: ${instead}` : null;
}

export function severalInputs({ plan }: CodeTask): string | null {
  return plan.inputs.length > 1 ? `it has ${plan.inputs.length} inputs, and a Sequential has one` : null;
}

/** What TF.js cannot train: it reads gamma and beta of a BatchNormalization that has none, and throws. */
export function untrainable(model: ModelFile, layers: readonly string[]): string | null {
  const lack = layers.find((address) => {
    const { className, config } = resolveAddress(model.graph, address).layer;
    return className === 'BatchNormalization' && (config.scale === false || config.center === false);
  });
  return lack === undefined
    ? null
    : `TF.js cannot train ${lack}: fit() throws where a BatchNormalization is without scale or center`;
}
