/** What a layer hands on, worked out from the tensors inside it without any code of the product. */
import { layerInside } from '../../../../src/core/layers/innerTensors';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../../src/core/model/json';
import type { Layer } from '../../../../src/core/model/layerGraph';

/** Keras's activations, written down from its documentation, on the values of one example's last axis. */
function activated(name: string, config: JsonObject, x: number[], keras: 2 | 3): number[] {
  const erf = (v: number): number => {
    // its Taylor series converges everywhere; the activations here are small
    let [sum, term] = [v, v];
    for (let n = 1; n < 200; n++) {
      term *= (-v * v) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  };
  const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));
  const softplus = (v: number): number => Math.log1p(Math.exp(-Math.abs(v))) + Math.max(v, 0);
  const hardSigmoid = (v: number): number => Math.min(1, Math.max(0, keras === 3 ? v / 6 + 0.5 : 0.2 * v + 0.5));
  const elementwise: Record<string, (v: number) => number> = {
    relu: (v) => {
      const slope = typeof config.negative_slope === 'number' ? config.negative_slope : 0;
      const y = v > 0 ? v : slope * v;
      return typeof config.max_value === 'number' ? Math.min(config.max_value, y) : y;
    },
    relu6: (v) => Math.min(6, Math.max(0, v)),
    leaky_relu: (v) => (v > 0 ? v : v * (typeof config.negative_slope === 'number' ? config.negative_slope : 0.2)),
    sigmoid,
    tanh: Math.tanh,
    elu: (v) => (v > 0 ? v : Math.expm1(v)),
    selu: (v) => 1.0507009873554805 * (v > 0 ? v : 1.6732632423543772 * Math.expm1(v)),
    silu: (v) => v * sigmoid(v),
    swish: (v) => v * sigmoid(v),
    gelu: (v) => 0.5 * v * (1 + erf(v / Math.SQRT2)),
    softplus,
    softsign: (v) => v / (1 + Math.abs(v)),
    mish: (v) => v * Math.tanh(softplus(v)),
    exponential: Math.exp,
    hard_sigmoid: hardSigmoid,
    hard_silu: (v) => v * hardSigmoid(v),
    hard_swish: (v) => v * hardSigmoid(v),
  };
  if (name === 'softmax') {
    const largest = Math.max(...x);
    const powers = x.map((v) => Math.exp(v - largest));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((v) => v / sum);
  }
  const f = elementwise[name];
  if (!f) throw new Error(`no activation ${name}`);
  return x.map(f);
}

function activationOf(layer: Layer): { name: string; config: JsonObject } {
  const inner = layer.className === 'TimeDistributed' ? (layer.config.layer as JsonObject) : null;
  const value: JsonValue = ((inner?.config ?? layer.config) as JsonObject).activation ?? null;
  if (typeof value === 'string') return { name: value, config: {} };
  if (!isJsonObject(value)) return { name: 'linear', config: {} };
  if (typeof value.config === 'string') return { name: value.config, config: {} };
  const name = (typeof value.class_name === 'string' ? value.class_name : '')
    .replace('LeakyReLU', 'leaky_relu')
    .replace('ReLU', 'relu');
  return { name: name.toLowerCase(), config: (value.config ?? {}) as JsonObject };
}

export interface Values {
  shape: number[];
  values: number[];
}

/** In pieces of the last axis. */
export function lastAxis({ shape, values }: Values): number[][] {
  const size = shape.at(-1) ?? 1;
  return Array.from({ length: values.length / size }, (_, i) => values.slice(i * size, (i + 1) * size));
}

/** What the layer hands on; null where what is inside does not tell. Of a sequence, only its last step: the state. */
export function fromInside(layer: Layer, keras: 2 | 3, inside: Map<string, Values>): number[] | null {
  const get = (name: string): Values => inside.get(name) as Values;
  switch (layerInside(layer)?.kind) {
    case 'activation': {
      const { name, config } = activationOf(layer);
      return lastAxis(get('pre')).flatMap((x) => activated(name, config, x, keras));
    }
    case 'directions': {
      const [a, b] = [lastAxis(get('forward')), lastAxis(get('backward'))];
      const merged = (f: (x: number, y: number) => number): number[] =>
        a.flatMap((row, i) => row.map((x, j) => f(x, b[i]?.[j] ?? NaN)));
      switch (layer.config.merge_mode) {
        case 'sum':
          return merged((x, y) => x + y);
        case 'mul':
          return merged((x, y) => x * y);
        case 'ave':
          return merged((x, y) => (x + y) / 2);
        default:
          return a.flatMap((row, i) => [...row, ...(b[i] ?? [])]);
      }
    }
    case 'states':
      return layer.config.return_sequences === true ? null : get('state_h').values;
    default:
      return null;
  }
}
