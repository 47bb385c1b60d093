/** The tensors at a layer by what they are, each to be handed out, started from or looked at; and the cuts around the layer. */
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { TensorAround, TensorRole } from '../../src/core/slicing/tensorsAround';
import { shownAddress } from '../format/addresses';
import { axesOf, describeShape } from '../format/axes';
import { formatShape } from '../format/shapes';
import { t } from '../l10n';
import { Resource } from '../state/resource';
import { callOf, isInner } from '../state/sliceMarks';
import { canMark } from '../state/viewerStore';
import { markIcons } from '../tree/markCells';
import type { TreeRow } from '../tree/rows';
import { busy, button, icon, iconButton, linkButton } from '../ui/controls';
import { StoreView } from './storeView';

@customElement('ms-tensors')
export class TensorsPane extends StoreView {
  @property({ attribute: false }) row!: TreeRow;
  private readonly tensors = new Resource<TensorAround[]>(() => this.requestUpdate());

  protected override render(): TemplateResult {
    const { row, store } = this;
    if (!row.call) return html`<p class="empty">${t('This row has no tensor of its own to cut at.')}</p>`;
    const tensors = this.tensors.use(
      `${store.modelCount}\n${row.id}`,
      row.id,
      async (signal) => (await store.channel.request('tensorsAround', { address: row.id }, { signal })).tensors,
      40,
    );
    return html`${this.cuts()} ${this.list(tensors)}`;
  }

  private cuts(): TemplateResult {
    const { row, store } = this;
    const cut = (
      label: string,
      key: string,
      command: 'sliceBeforeLayer' | 'sliceToLayer' | 'splitAtLayer',
      title: string,
    ): TemplateResult =>
      button({
        label,
        title: `${title} (${key})`,
        keys: key,
        disabled: command === 'sliceBeforeLayer' && !canMark(row, 'start'),
        onClick: () => void store.command(command, [row.id]),
      });
    return html`<div class="pane-toolbar" role="group" aria-label=${t('Cut here')}>
      ${cut(t('Cut before'), '<', 'sliceBeforeLayer', t('The model up to what this layer reads'))}
      ${cut(t('Cut after'), '>', 'sliceToLayer', t('The model up to this layer'))}
      ${cut(t('Split here…'), '|', 'splitAtLayer', t('Both parts: up to this layer, and from there on'))}
    </div>`;
  }

  private list(tensors: typeof this.tensors.current): TemplateResult | typeof nothing {
    switch (tensors.state) {
      case 'empty':
        return nothing;
      case 'failed':
        return html`<p class="failure" role="alert">${icon('error')}<span>${tensors.message}</span></p>`;
      case 'loading':
        return html`<div class="late">${busy(t('Reading…'))}</div>`;
      case 'done':
        return html`<h3 id="tensors-here">${t('Tensors here')}</h3>
          <ul class="tensors" aria-labelledby="tensors-here">
            ${[...tensors.value, ...this.ownTensors()].map((tensor) => this.tensor(tensor, this.reader(tensors.value)))}
          </ul>
          ${this.note()}`;
    }
  }

  /** What a layer of the user's own set on itself in the last run: only a run can tell. */
  private ownTensors(): TensorAround[] {
    const found = this.store.state?.run.attributes ?? [];
    const reason = t('the layer does not hand it on');
    return found
      .filter(({ address }) => callOf(address) === this.row.id)
      .map((attribute) => ({ ...attribute, roles: ['inner'], reason }));
  }

  private note(): TemplateResult | typeof nothing {
    if (this.row.layer.custom !== true || this.ownTensors().length > 0) return nothing;
    const text =
      this.store.state?.run.state === 'done'
        ? t('In this run the layer set no tensor on itself (this.name = …).')
        : t('What the layer sets on itself (this.name = …) is listed here after a run.');
    return html`<p class="quiet">${text}</p>`;
  }

  private tensor(tensor: TensorAround, reader: string | null): TemplateResult {
    const { address, shape, dtype, reason } = tensor;
    const here = callOf(address) === this.row.id;
    const facts = describeShape(shape, dtype, here ? axesOf(this.row.layer, shape?.length ?? 0) : null);
    return html`<li class="tensor ${reason === null ? '' : 'uncuttable'}">
      <span class="tensor-marks">
        ${this.toggle(tensor, 'output', t('Mark {address} as output', { address }))}
        ${this.toggle(tensor, 'input', t('Start from {address}: it is supplied from outside', { address }))}
      </span>
      <span class="tensor-main">
        <span class="tensor-roles">${roleText(tensor, reader)}</span>
        <span class="tensor-facts code">
          ${here ? html`<span>${shownAddress(address)}</span>` : linkButton(shownAddress(address), () => this.reveal(address))}
          <span class="quiet" title=${facts}>${formatShape(shape)} ${dtype ?? ''}</span>
        </span>
        ${reason === null ? nothing : html`<span class="tensor-reason">${icon('circle-slash')}<span>${t('Cannot be cut: {reason}', { reason })}</span></span>`}
      </span>
      ${this.previewButton(address)}
    </li>`;
  }

  /** Around a BatchNorm or an activation layer stand the tensors of the layer that feeds it: its name, for what that one reads. */
  private reader(tensors: readonly TensorAround[]): string | null {
    const own = tensors.find(({ roles }) => !roles.includes('before-layer'));
    if (!own || callOf(own.address) === this.row.id) return null;
    return this.store.tree?.find(own.address)?.at(-1)?.label ?? null;
  }

  private toggle({ address, reason }: TensorAround, kind: 'output' | 'input', label: string): TemplateResult {
    const pressed = this.store.isMarked(address, kind);
    return iconButton({
      label,
      icon: pressed ? markIcons[kind].set : markIcons[kind].unset,
      className: `mark-button of-${kind}`,
      pressed,
      // A mark that was set before the file changed can be taken away all the same.
      disabled: reason !== null && !pressed,
      onClick: () => void this.store.toggleMarks(kind, [address]),
    });
  }

  private previewButton(address: string): TemplateResult {
    const { state } = this.store;
    return iconButton({
      label: t('Preview {address}', { address }),
      icon: 'eye',
      disabled: state === null || state.error !== null || state.run.state === 'running',
      onClick: () => void this.preview(address),
    });
  }

  /** Inner tensors are computed only when they are asked for: that takes a run. */
  private async preview(address: string): Promise<void> {
    const { store } = this;
    const known = store.activations.has(address) && store.state?.run.live === true;
    if (!store.showTensor(address)) return;
    this.dispatchEvent(new CustomEvent('show-active', { bubbles: true }));
    if (!known && isInner(address)) await store.ask(store.channel.request('runInner', { address }));
  }

  private reveal(address: string): void {
    this.dispatchEvent(new CustomEvent('reveal-address', { bubbles: true, detail: address }));
  }
}

/** `reader`: the layer that reads, where it is another one than the row's. In lower case, to stand one behind the other; the style sheet raises the first letter. */
export function roleText(
  { address, roles }: Pick<TensorAround, 'address' | 'roles'>,
  reader: string | null = null,
): string {
  const texts = roles.map((role) => {
    if (role === 'before-layer' && reader !== null) return t('what {layer} reads', { layer: reader });
    return role === 'inner' ? innerText(address) : roleTexts[role]();
  });
  return texts.length > 0 ? texts.join(', ') : t('output');
}

const roleTexts: Readonly<Record<Exclude<TensorRole, 'inner'>, () => string>> = {
  'before-layer': () => t('what the layer reads'),
  'before-activation': () => t('before the activation'),
  'before-batchnorm': () => t('before BatchNorm'),
  'after-batchnorm': () => t('after BatchNorm'),
  'after-activation': () => t('after the activation'),
  output: () => t('output'),
};

function innerText(address: string): string {
  const name = address.slice(address.lastIndexOf('@') + 1);
  switch (name) {
    case 'pre':
      return t('before the activation');
    case 'scores':
      return t('attention scores');
    case 'forward':
      return t('forward direction');
    case 'backward':
      return t('backward direction');
  }
  const state = /^state(?:_(\w+))?$/.exec(name);
  if (state) return state[1] === undefined ? t('state') : t('state {name}', { name: state[1] });
  return t('inside the layer: {name}', { name });
}
