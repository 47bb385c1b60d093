/** A shape in words: what each axis is. */
import { axisNames } from '../../src/core/layers/axes';
import type { JsonObject } from '../../src/core/model/json';
import type { DType, Shape } from '../../src/core/model/layerGraph';
import type { LayerRow } from '../../src/protocol/viewer';
import { t } from '../l10n';

/** `batch ·, height 26, width 26, channels 32 (float32)` */
export function describeShape(shape: Shape | null, dtype: DType | null, names: readonly string[] | null): string {
  if (shape === null) return t('Shape not known');
  const axes = shape.map((dim, axis) => {
    const size = dim === null ? '·' : String(dim);
    const name = names?.[axis];
    return name === undefined ? size : `${axisName(name)} ${size}`;
  });
  return `${axes.join(', ')}${dtype === null ? '' : ` (${dtype})`}`;
}

/** null: what a wrapper's axes are hangs on the layer inside it, which only its config tells. */
export function axesOf(layer: LayerRow, rank: number, config?: JsonObject): string[] | null {
  if (config) return axisNames(layer.class, config, rank);
  if (rank > 3 && (layer.class === 'TimeDistributed' || layer.class === 'Bidirectional')) return null;
  return axisNames(layer.class, layer.dataFormat === undefined ? {} : { data_format: layer.dataFormat }, rank);
}

function axisName(name: string): string {
  const numbered = /^axis (\d+)$/.exec(name);
  return numbered ? t('axis {axis}', { axis: numbered[1] ?? '' }) : t(name);
}
