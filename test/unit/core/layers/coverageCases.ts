/** The cases of `layer-coverage*.json`: what Keras itself says of every layer class. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { CallContext, WeightSpec } from '../../../../src/core/layers/catalogue';
import type { JsonObject } from '../../../../src/core/model/json';
import type { CallArgument, TensorInfo } from '../../../../src/core/model/layerGraph';
import { keras } from '../../../fixtures';

export interface CoverageOutput {
  shape: number[];
  values?: (number | string | null)[];
  first?: (number | string | null)[];
  l2: number | null;
  min: number;
  max: number;
}

export interface CoverageCase {
  id: string;
  class: string;
  config: JsonObject;
  inputShapes: (number | null)[][];
  inputDtype: string;
  outputShapes: (number | null)[][];
  outputDtypes: string[];
  params: number;
  trainable: number;
  nonTrainable: number;
  weights: WeightSpec[];
  call?: { inputs?: string[]; [argument: string]: unknown };
  example?: { shapes: number[][]; low: number; high: number; error?: string };
  outputs?: CoverageOutput[];
}

export interface CoverageFile {
  keras: 2 | 3;
  cases: CoverageCase[];
}

function read(file: string, version: 2 | 3): CoverageFile {
  const { cases } = JSON.parse(readFileSync(path.join(keras, file), 'utf8')) as { cases: CoverageCase[] };
  return { keras: version, cases };
}

export const coverage: CoverageFile[] = [read('layer-coverage.json', 3), read('layer-coverage-keras2.json', 2)];

/** The call of a case as a topology would give it. */
export function callOf(row: CoverageCase, version: 2 | 3): CallContext {
  const inputs: TensorInfo[] = row.inputShapes.map((shape) => ({ shape, dtype: row.inputDtype }));
  const tensors = inputs.map((_, input): CallArgument => ({ kind: 'tensor', input }));
  const kwargs: Record<string, CallArgument> = {};
  for (const [name, value] of Object.entries(row.call ?? {})) {
    if (name !== 'inputs') kwargs[name] = { kind: 'constant', value: value as boolean };
  }
  const roles = row.call?.inputs;
  let args: CallArgument[] = tensors.length === 1 ? tensors : [{ kind: 'list', items: tensors }];
  if (roles !== undefined) {
    args = tensors.slice(0, 1);
    tensors.slice(1).forEach((tensor, i) => (kwargs[roles[i + 1] ?? ''] = tensor));
  }
  return { className: row.class, config: row.config, keras: version, inputs, args, kwargs };
}
