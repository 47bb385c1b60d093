/** InputLayers of a slice. */
import type { JsonObject, JsonValue } from '../model/json';
import type { Layer, Shape } from '../model/layerGraph';
import { tensorInfo, type OpenTensor } from './openGraph';

/** An InputLayer of the slice. */
export interface SliceInput {
  tensor: OpenTensor;
  /** The InputLayer that the model has for it; null: it replaces another layer's output. */
  layer: Layer | null;
  address: string;
}

/** Config of the InputLayer `name`. */
export function inputConfig({ tensor, layer }: SliceInput, name: string): JsonObject {
  const { shape, dtype } = tensorInfo(tensor);
  const own = layer?.config ?? {};
  return {
    batch_input_shape: batchShape(shape),
    dtype: inputDtype(dtype),
    sparse: own.sparse === true,
    ragged: own.ragged === true,
    name,
  };
}

function batchShape(shape: Shape | null): JsonValue {
  return shape ? [...shape] : [null];
}

/** What a tensor of a Keras dtype is in TF.js. */
function inputDtype(dtype: string | null): string {
  if (dtype === 'bool' || dtype === 'string' || dtype === 'complex64') return dtype;
  return dtype !== null && /^u?int/.test(dtype) ? 'int32' : 'float32';
}
