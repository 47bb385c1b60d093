/** Where each of the model's inputs comes from: chosen, dropped or pasted; and what becomes of it. */
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { noteSentence } from '../../src/core/messages';
import type { InspectTensor } from '../../src/core/model/inspectDocument';
import type { InputSource, InputSpec, ResolvedInput } from '../../src/protocol/engine';
import { picture } from '../drawing/picture';
import { formatShape } from '../format/shapes';
import { t } from '../l10n';
import { fileSource, pathSource } from '../state/inputFiles';
import { icon, iconButton, textField } from '../ui/controls';
import { dropdown, type DropdownOption } from '../ui/dropdown';
import { preprocessingForm } from './preprocessingForm';
import { StoreView } from './storeView';

@customElement('ms-inputs')
export class InputsView extends StoreView {
  @state() private dropOn: string | null = null;
  @state() private problem: string | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('paste', this.onPaste);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('paste', this.onPaste);
  }

  protected override render(): TemplateResult {
    const shown = this.store.state;
    if (!shown?.model) return html``;
    const { input, model } = shown;
    return html`<div class="inputs">
      ${model.inputs.map((tensor) => this.input(tensor))}
      <p class="quiet drop-hint">${t('Drop a file here with Shift held down, or paste a picture.')}</p>
      ${
        input.error !== null || this.problem !== null
          ? html`<p class="failure" role="alert">${icon('error')}<span>${this.problem ?? input.error}</span></p>`
          : nothing
      }
    </div>`;
  }

  private specOf(name: string): InputSpec {
    return (
      this.store.state?.input.specs.find((spec) => spec.input === name) ?? {
        input: name,
        source: { kind: 'random', seed: 7 },
      }
    );
  }

  private input(tensor: InspectTensor): TemplateResult {
    const { name } = tensor;
    const several = (this.store.state?.model?.inputs.length ?? 0) > 1;
    const spec = this.specOf(name);
    const resolved = this.store.state?.input.resolved?.find((entry) => entry.input === name);
    const { options, value } = this.choices(spec);
    return html`<div
      class="input ${this.dropOn === name ? 'drop-target' : ''}"
      @dragover=${(event: DragEvent) => this.onDrag(event, name)}
      @dragleave=${() => (this.dropOn = null)}
      @drop=${(event: DragEvent) => this.onDrop(event, name)}
    >
      <div class="input-line">
        ${
          resolved?.picture
            ? html`<canvas
                class="input-picture"
                role="img"
                aria-label=${t('The picture as the model sees it, before the range step')}
                title=${t('The picture as the model sees it, before the range step')}
                ${picture(resolved.picture)}
              ></canvas>`
            : html`<span class="input-picture none"
                >${icon(spec.source.kind === 'array' ? 'symbol-array' : 'symbol-numeric')}</span
              >`
        }
        <div class="input-main">
          <div class="input-choice">
            <span class="input-name" title=${`${name} ${formatShape(tensor.shape)} ${tensor.dtype ?? ''}`}
              >${several ? name : t('Input')}</span
            >
            ${dropdown(t('Source of input {name}', { name }), value, options, (choice) => this.choose(name, choice))}
            ${spec.source.kind === 'random' ? this.seed(spec, spec.source.seed) : nothing}
            ${iconButton({ label: t('Choose a file for {name}…', { name }), icon: 'folder-opened', onClick: () => this.pick(name) })}
          </div>
          <div class="input-facts">
            <span class="code"
              >${resolved ? `${formatShape(resolved.shape)} ${resolved.dtype}` : `${formatShape(tensor.shape)} ${tensor.dtype ?? ''}`}</span
            >
            ${this.dims(tensor, spec)}
          </div>
        </div>
      </div>
      ${resolved ? this.notes(resolved) : nothing}
      ${
        resolved?.preprocessing
          ? preprocessingForm(resolved.preprocessing, (change) => this.preprocess(spec, change))
          : nothing
      }
    </div>`;
  }

  private choices({ source }: InputSpec): { options: DropdownOption[]; value: string } {
    const options: DropdownOption[] = [
      { value: 'random', label: t('Random values') },
      { value: 'zeros', label: t('Zeros') },
      { value: 'ones', label: t('Ones') },
    ];
    const suggestions = this.store.state?.input.suggestions ?? [];
    for (const { label, path } of suggestions) options.push({ value: `path:${path}`, label });
    let value: string = source.kind;
    if (source.kind === 'picture' || source.kind === 'array') {
      const known = source.path !== undefined && suggestions.some(({ path }) => path === source.path);
      value = known ? `path:${source.path ?? ''}` : 'file';
      if (!known) options.push({ value: 'file', label: source.name });
    }
    options.push({ value: 'pick', label: t('File…') });
    return { options, value };
  }

  private choose(name: string, choice: string): void {
    if (choice === 'pick') this.pick(name);
    else if (choice === 'random') this.set(name, { kind: 'random', seed: 7 });
    else if (choice === 'zeros' || choice === 'ones') this.set(name, { kind: choice });
    else if (choice.startsWith('path:')) {
      const source = pathSource(choice.slice('path:'.length));
      if (source) this.set(name, source);
    }
  }

  private set(name: string, source: InputSource): void {
    this.problem = null;
    const { dims } = this.specOf(name);
    void this.store.setInput(dims ? { input: name, source, dims } : { input: name, source });
  }

  private pick(name: string): void {
    // The choice is made in VS Code's dialog; until then the old one is the true one.
    this.requestUpdate();
    void this.store.ask(this.store.channel.request('pickInput', { input: name }));
  }

  private seed(spec: InputSpec, seed: number): TemplateResult {
    return html`<label class="field"
      ><span>${t('seed')}</span>${textField({
        label: t('Seed of the random values'),
        value: String(seed),
        size: 4,
        onChange: (text) => this.set(spec.input, { kind: 'random', seed: Math.max(0, Math.trunc(Number(text)) || 0) }),
      })}</label
    >`;
  }

  private dims(tensor: InspectTensor, spec: InputSpec): TemplateResult[] {
    return (tensor.shape ?? []).flatMap((dim, axis) => {
      if (dim !== null || axis === 0) return [];
      const set = spec.dims?.[axis];
      return [
        html`<label class="field"
          ><span>${t('axis {axis}', { axis })}</span>${textField({
            label: t('Size of axis {axis} of {name}, which the file leaves open', { axis, name: tensor.name }),
            value: set === undefined ? '' : String(set),
            placeholder: '?',
            size: 4,
            onChange: (text) => this.setDim(spec, axis, Math.trunc(Number(text))),
          })}</label
        >`,
      ];
    });
  }

  private setDim(spec: InputSpec, axis: number, size: number): void {
    const dims = { ...spec.dims };
    if (size > 0) dims[axis] = size;
    else delete dims[axis];
    void this.store.setInput({ ...spec, dims });
  }

  private preprocess(spec: InputSpec, change: object): void {
    const { source } = spec;
    if (source.kind !== 'picture') return;
    void this.store.setInput({ ...spec, source: { ...source, preprocessing: { ...source.preprocessing, ...change } } });
  }

  private notes(resolved: ResolvedInput): TemplateResult | typeof nothing {
    if (resolved.notes.length === 0) return nothing;
    return html`<ul class="input-notes">
      ${resolved.notes.map(({ code, data }) => html`<li class="note info">${icon('info')}<span>${noteSentence({ code, data }, t)}</span></li>`)}
    </ul>`;
  }

  private onDrag(event: DragEvent, name: string): void {
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = 'copy';
    this.dropOn = name;
  }

  private onDrop(event: DragEvent, name: string): void {
    event.preventDefault();
    this.dropOn = null;
    const file = event.dataTransfer?.files[0];
    if (file) return void this.take(name, file);
    // From VS Code's own explorer there are only uris.
    const uri = event.dataTransfer?.getData('text/uri-list').split('\n')[0]?.trim() ?? '';
    const source = uri === '' ? null : pathSource(uri);
    if (source) this.set(name, source);
    else this.problem = t('Drop a PNG or JPEG picture, or an npy, npz or JSON file.');
  }

  private readonly onPaste = (event: ClipboardEvent): void => {
    const file = event.clipboardData?.files[0];
    const first = this.store.state?.model?.inputs[0];
    if (!file || !first) return;
    event.preventDefault();
    void this.take(first.name, file);
  };

  private async take(name: string, file: File): Promise<void> {
    const source = await fileSource(file);
    if ('problem' in source) this.problem = source.problem;
    else this.set(name, source);
  }
}
