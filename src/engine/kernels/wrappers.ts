/** Layers around a layer. */
import * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import type { NestedLayer } from '../../core/layers/configReader';
import { KernelConfig, sizeAt, type Kernel, type KernelCall, type KernelWeight } from './kernel';
import { initialStates, recur, recurrentClasses, refusesRecurrent } from './recurrent';

/** Finds the kernel of the wrapped layer: the registry, which cannot be imported from here without a circle. */
export type FindKernel = (className: string) => Kernel | null;

const flipped = (layer: NestedLayer): NestedLayer => ({
  className: layer.className,
  config: { ...layer.config, go_backwards: layer.config.go_backwards !== true },
});

function directions(config: KernelConfig): { forward: NestedLayer; backward: NestedLayer } {
  const forward = config.cell('layer');
  return { forward, backward: config.layer('backward_layer') ?? flipped(forward) };
}

/** Forward's weights come first; the first part of the paths tells where they end. */
function halves(weights: KernelWeight[]): [tf.Tensor[], tf.Tensor[]] {
  const heads = weights.map(({ name }) => name.split('/')[0]);
  const other = heads.findIndex((head) => head !== heads[0]);
  const middle = weights.length / 2;
  const named =
    other > 0 &&
    heads.slice(other).every((head) => head === heads[other]) &&
    weights.some(({ name }) => name.includes('/'));
  const at = named ? other : middle;
  const tensors = weights.map(({ tensor }) => tensor);
  return [tensors.slice(0, at), tensors.slice(at)];
}

const bidirectional: Kernel = {
  run(call) {
    const { config, keras } = call;
    const { forward, backward } = directions(config);
    const [forwardWeights, backwardWeights] = halves(call.parts.weights);
    const initial = initialStates(call);
    const half = initial.length / 2;
    const side = (layer: NestedLayer, weights: tf.Tensor[], states: tf.Tensor[]): ReturnType<typeof recur> =>
      recur({
        className: layer.className,
        // Keras zeroes the masked steps of sequences here, whatever the layer itself says
        config: new KernelConfig({ ...layer.config, zero_output_for_mask: layer.config.return_sequences === true }),
        keras,
        x: call.input(),
        mask: call.mask(),
        initial: states,
        weights,
      });
    const a = side(forward, forwardWeights, initial.slice(0, half));
    const b = side(backward, backwardWeights, initial.slice(half));
    const ahead = a.sequence ?? a.last;
    // back into the order of time
    const behind = b.sequence ? tf.reverse(b.sequence, 1) : b.last;
    const merged = merge(ahead, behind, config.lacks('merge_mode') ? null : config.text('merge_mode', 'concat'));
    return new KernelConfig(forward.config).flag('return_state', false)
      ? [...merged, ...a.states, ...b.states]
      : merged;
  },
  mask: (call, outputs) => {
    const masks: (tf.Tensor | null)[] = Array.from({ length: outputs }, () => null);
    const sequences = new KernelConfig(directions(call.config).forward.config).flag('return_sequences', false);
    if (sequences) {
      masks[0] = call.mask();
      if (call.config.lacks('merge_mode') && outputs > 1) masks[1] = call.mask();
    }
    return masks;
  },
  refuses(config, keras) {
    const { forward, backward } = directions(config);
    for (const layer of [forward, backward]) {
      if (!recurrentClasses.includes(layer.className)) return `Bidirectional around ${layer.className}`;
      const reason = refusesRecurrent(layer.className, new KernelConfig(layer.config), keras);
      if (reason) return reason;
    }
    return null;
  },
};

function merge(a: tf.Tensor, b: tf.Tensor, mode: string | null): tf.Tensor[] {
  switch (mode) {
    case null:
      return [a, b];
    case 'sum':
      return [tf.add(a, b)];
    case 'ave':
      return [tf.div(tf.add(a, b), 2)];
    case 'mul':
      return [tf.mul(a, b)];
    case 'concat':
      return [tf.concat([a, b], -1)];
    default:
      throw new SlicerError('bad-config', { key: 'merge_mode', value: mode });
  }
}

/** The wrapped layer on every step at once: steps become examples. */
function timeDistributed(find: FindKernel): Kernel {
  const inner = (config: KernelConfig): { layer: NestedLayer; kernel: Kernel | null } => {
    const layer = config.cell('layer');
    return { layer, kernel: find(layer.className) };
  };
  return {
    run(call) {
      const { layer, kernel } = inner(call.config);
      if (!kernel) throw new SlicerError('internal', { reason: `no kernel for ${layer.className}` });
      const x = call.input();
      const [batch, steps] = [sizeAt(x, 0), sizeAt(x, 1)];
      const flat = tf.reshape(x, [batch * steps, ...x.shape.slice(2)]);
      const result = kernel.run(nested(call, layer, flat));
      const outputs = Array.isArray(result) ? result : [result];
      return outputs.map((y) => tf.reshape(y, [batch, steps, ...y.shape.slice(1)]));
    },
    mask: 'pass',
    refuses(config, keras) {
      const { layer, kernel } = inner(config);
      if (!kernel) return `TimeDistributed around ${layer.className}`;
      return kernel.refuses?.(new KernelConfig(layer.config), keras) ?? null;
    },
  };
}

function nested(call: KernelCall, layer: NestedLayer, x: tf.Tensor): KernelCall {
  return call.with({
    className: layer.className,
    config: layer.config,
    inputs: [x],
    masks: [null],
    args: [{ kind: 'tensor', input: 0 }],
    kwargs: {},
  });
}

/** In inference just the wrapped layer; its weights are the kernel, then `vector_u`, then the rest. */
function spectralNormalization(find: FindKernel): Kernel {
  return {
    run(call) {
      const layer = call.config.cell('layer');
      const kernel = find(layer.className);
      if (!kernel) throw new SlicerError('internal', { reason: `no kernel for ${layer.className}` });
      const weights = call.parts.weights.filter(({ name }) => !/(^|\/)(vector_u|sn_u)(:0)?$/.test(name));
      const y = kernel.run(nested(call, layer, call.input()).with({ weights }));
      // Keras 3 casts to the input's type, so that whole numbers come out of an Embedding
      return call.keras === 3 && call.input().dtype === 'int32' && !Array.isArray(y) ? tf.cast(y, 'int32') : y;
    },
    mask: 'drop',
    refuses(config, keras) {
      const layer = config.cell('layer');
      const kernel = find(layer.className);
      return kernel
        ? (kernel.refuses?.(new KernelConfig(layer.config), keras) ?? null)
        : `SpectralNormalization around ${layer.className}`;
    },
  };
}

export function wrapperKernels(find: FindKernel): Record<string, Kernel> {
  return {
    Bidirectional: bidirectional,
    TimeDistributed: timeDistributed(find),
    SpectralNormalization: spectralNormalization(find),
  };
}
