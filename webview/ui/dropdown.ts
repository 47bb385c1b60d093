/** The toolkit's dropdown, made to follow its value: it forgets a value that is set before its options exist. */
import { html, LitElement, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';

export interface DropdownOption {
  value: string;
  label: string;
}

interface ToolkitDropdown extends HTMLElement {
  value: string;
}

@customElement('ms-dropdown')
export class Dropdown extends LitElement {
  @property({ attribute: false }) label = '';
  @property({ attribute: false }) value = '';
  @property({ attribute: false }) options: readonly DropdownOption[] = [];
  @property({ type: Boolean }) disabled = false;
  @property({ attribute: false }) onChange: (value: string) => void = () => undefined;

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override render(): TemplateResult {
    return html`<vscode-dropdown
      aria-label=${this.label}
      title=${this.label}
      ?disabled=${this.disabled}
      @change=${this.changed}
    >
      ${this.options.map((option) => html`<vscode-option value=${option.value}>${option.label}</vscode-option>`)}
    </vscode-dropdown>`;
  }

  protected override updated(): void {
    const dropdown = this.querySelector<ToolkitDropdown>('vscode-dropdown');
    if (!dropdown) return;
    // The options are upgraded and slotted in later microtasks.
    setTimeout(() => {
      if (dropdown.value !== this.value) dropdown.value = this.value;
    });
  }

  private changed(event: Event): void {
    const { value } = event.target as ToolkitDropdown;
    if (value !== this.value) this.onChange(value);
  }
}

export function dropdown(
  label: string,
  value: string,
  options: readonly DropdownOption[],
  onChange: (value: string) => void,
): TemplateResult {
  return html`<ms-dropdown .label=${label} .value=${value} .options=${options} .onChange=${onChange}></ms-dropdown>`;
}
