/** What code says about a slice that has to be saved before it can be loaded. */
import { resolveAddress } from '../model/address';
import type { CodeTask } from './codeTask';
import { customClasses } from './customLayers';
import { camelCase } from './literals';

/** Where the code expects it: beside the model file, in a folder of its own. */
export function savedSlicePath(task: CodeTask): string {
  return besideModel(task, savedSliceFolder(task));
}

/** The same in one file of Keras. */
export function savedKerasPath(task: CodeTask): string {
  return `${folderOf(task)}${savedSliceFolder(task)}.keras`;
}

export function besideModel(task: CodeTask, folder: string): string {
  return `${folderOf(task)}${folder}/model.json`;
}

function folderOf({ modelPath }: CodeTask): string {
  return modelPath.slice(0, modelPath.lastIndexOf('/') + 1);
}

export function sliceFolder(name: string, suffix: string): string {
  return `${camelCase(name, 'model')}-${suffix}`;
}

function savedSliceFolder({ plan, model }: CodeTask): string {
  const [only] = plan.outputs;
  return sliceFolder(plan.outputs.length === 1 && only ? lastName(only.address) : model.graph.name, 'slice');
}

/** What has to be done before the code can load what it loads: something saved, classes registered. */
export function beforeLoading(task: CodeTask & { saved?: readonly string[] }): string[] {
  const { fileProblem, model, needsSlice } = task;
  if (fileProblem !== null) {
    const why = needsSlice ?? `TF.js cannot use ${model.file} itself: ${fileProblem}.`;
    return [`${why} It loads what this saves:`, sliceCommand(task)];
  }
  const classes = customClasses(model.graph);
  const register = `Register ${classes.join(', ')} with tf.serialization.registerClass first.`;
  return [...(task.saved ?? []), ...(classes.length > 0 ? [register] : [])];
}

/** The command line that saves the slice. @param suffix `.keras`: as one file of Keras. */
export function sliceCommand(task: CodeTask, suffix = ''): string {
  const { plan, model } = task;
  const outputs = plan.outputs.map(({ address }) => ` --output ${shellWord(address)}`).join('');
  const given = plan.inputs.every(({ address }) => isOwnInput(task, address)) ? [] : plan.inputs;
  const inputs = given.map(({ address }) => ` --input ${shellWord(address)}`).join('');
  return `model-slicer slice ${shellWord(model.file)}${outputs}${inputs} --to ${savedSliceFolder(task)}${suffix}`;
}

/** Whether the address is that of an input of the whole model. */
export function isOwnInput({ model }: CodeTask, address: string): boolean {
  const { path, layer, inner } = resolveAddress(model.graph, address);
  return path.length === 1 && inner === null && model.graph.inputs.some((input) => input.layer === layer.name);
}

export function shellWord(text: string): string {
  return /^[\w./:@#-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`;
}

/** `outer/inner/conv` → `conv`; `tower#2/conv` → `conv`. */
export function lastName(address: string): string {
  const last = (address.match(/(?:\\.|[^\\/])+/gsu) ?? [address]).at(-1) ?? address;
  return last.replace(/\\(.)/gsu, '$1');
}
