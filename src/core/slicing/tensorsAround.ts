/** The tensors at a layer that a cut may mean: before its activation, before and after its BatchNorm, after all of them. */
import { innerAlias, layerInside } from '../layers/innerTensors';
import { formatAddress, resolveAddress, splitOf, tensorAddress, type ResolvedTensor } from '../model/address';
import type { DType, LayerGraph, Shape, TensorInfo } from '../model/layerGraph';
import { tensorsReadBy } from './closeCut';
import { blockOf, callOf, dataRead, type Block, type FollowerKind, type Step } from './layerBlock';

export type TensorRole =
  | 'before-layer'
  | 'before-activation'
  | 'before-batchnorm'
  | 'after-batchnorm'
  | 'after-activation'
  | 'output'
  | 'inner';

export interface TensorAround {
  /** Canonical; inner tensors as `conv_1@pre`. */
  address: string;
  /** What it is, in the order of computing; `output` where nothing more is to be said, `inner` for others inside the layer. */
  roles: TensorRole[];
  shape: Shape | null;
  dtype: DType | null;
  /** Why no cut can be made here; null where one can. */
  reason: string | null;
}

/**
 * The tensors at a layer's call: what it reads (where it reads one tensor), what is inside it, its outputs, and, down the
 * BatchNorm, activation and dropout layers that alone read each other, the tensors before and after those. Seen from
 * one of these layers: the same of the layer that feeds them.
 * @param address of a layer's call; which of its tensors makes no difference.
 * @returns in computing order, each tensor once; none for a layer that is never called.
 * @throws SlicerError `unknown-address`.
 */
export function tensorsAround(graph: LayerGraph, address: string): TensorAround[] {
  const found = resolveAddress(graph, address);
  const asked: Step = { layer: found.layer, call: found.call };
  if (!callOf(asked)) return [];
  const block = blockOf(found.graph, asked);
  return new Around(graph, found).tensors(block, asked);
}

class Around {
  private readonly found = new Map<string, TensorAround>();

  constructor(
    private readonly root: LayerGraph,
    private readonly at: ResolvedTensor,
  ) {}

  tensors({ feeding, chain }: Block, asked: Step): TensorAround[] {
    const own = this.addressOf(feeding);
    this.before(feeding, own);
    const inside = this.at.graph.kind === 'graph' ? null : layerInside(feeding.layer);
    const isBefore = inside?.kind === 'activation' || inside?.kind === 'directions';
    if (isBefore) this.inside(feeding, own);
    const [first = own] = this.outputs(feeding, own);
    if (inside?.kind === 'activation') this.role(first, 'after-activation');
    if (!isBefore) this.inside(feeding, own);

    let read = first;
    const roles = new Set<FollowerKind>(inside?.kind === 'activation' ? ['activation'] : []);
    for (const { step, kind } of chain) {
      const output = this.addressOf(step);
      this.add(output, callOf(step)?.outputs[0]);
      if (kind !== 'passing' && !roles.has(kind)) {
        roles.add(kind);
        this.role(read, `before-${kind}`);
        this.role(output, `after-${kind}`);
      }
      read = output;
    }
    const shown = new Set([
      this.addressOf(asked),
      ...(callOf(feeding)?.outputs ?? []).map((_, i) => tensorAddress(own, i)),
    ]);
    for (const tensor of this.found.values())
      if (tensor.roles.length === 0 && shown.has(tensor.address)) tensor.roles.push('output');
    return [...this.found.values()].filter(({ roles: its }) => its.length > 0);
  }

  /** What the layer reads, named where it is made. */
  private before(feeding: Step, own: string): void {
    if (dataRead(this.at.graph, feeding).length !== 1) return;
    const [address, ...others] = tensorsReadBy(this.root, own);
    if (address === undefined || others.length > 0) return;
    this.add(address, resolveAddress(this.root, address).info);
    this.role(address, 'before-layer');
  }

  private inside(step: Step, own: string): void {
    const call = callOf(step);
    const inside = layerInside(step.layer);
    const split = splitOf(this.at.graph, step.layer);
    for (const name of inside?.names ?? []) {
      // an output already
      if (!call || innerAlias(step.layer, call, name) !== null) continue;
      const { part, output } = split?.inner.get(name) ?? { part: -1, output: 0 };
      const address = `${own}@${name}`;
      this.add(address, split?.parts[part]?.layer.calls[step.call]?.outputs[output], inside?.refused ?? null);
      this.role(address, name === 'pre' ? 'before-activation' : 'inner');
    }
  }

  private outputs(step: Step, own: string): string[] {
    return (callOf(step)?.outputs ?? []).map((info, i) => {
      const address = tensorAddress(own, i);
      this.add(address, info);
      return address;
    });
  }

  private add(address: string, info: TensorInfo | undefined, reason: string | null = null): void {
    const { shape, dtype } = info ?? { shape: null, dtype: null };
    if (!this.found.has(address)) this.found.set(address, { address, roles: [], shape, dtype, reason });
  }

  private role(address: string, role: TensorRole): void {
    const tensor = this.found.get(address);
    if (tensor && !tensor.roles.includes(role)) tensor.roles.push(role);
  }

  private addressOf({ layer, call }: Step): string {
    return formatAddress([...this.at.path.slice(0, -1), { name: layer.name, call }]);
  }
}
