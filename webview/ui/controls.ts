/**
 * Controls as templates. Labels are required: what cannot be named cannot be used without eyes.
 * The toolkit's button hands only `aria-label` on to the button inside it; other ARIA goes there by properties.
 */
import { html, nothing, type TemplateResult } from 'lit';
import { ifDefined } from 'lit/directives/if-defined.js';

/** A codicon; it decorates, so that what it says is in a label beside it. */
export function icon(name: string, className = ''): TemplateResult {
  return html`<span class="codicon codicon-${name} ${className}" aria-hidden="true"></span>`;
}

interface ButtonOptions {
  label: string;
  icon?: string;
  primary?: boolean;
  disabled?: boolean;
  title?: string;
  id?: string;
  /** For `aria-keyshortcuts`. */
  keys?: string;
  onClick: (event: Event) => void;
}

export function button(options: ButtonOptions): TemplateResult {
  return html`<vscode-button
    id=${ifDefined(options.id)}
    appearance=${options.primary ? 'primary' : 'secondary'}
    ?disabled=${options.disabled ?? false}
    title=${ifDefined(options.title)}
    .ariaKeyshortcuts=${options.keys ?? null}
    @click=${options.onClick}
    >${options.icon ? html`<span slot="start" class="codicon codicon-${options.icon}"></span>` : nothing}${options.label}</vscode-button
  >`;
}

interface IconButtonOptions {
  label: string;
  icon: string;
  /** For toggles. */
  pressed?: boolean;
  disabled?: boolean;
  /** Shown with the label as tooltip: `Ctrl+Z`. */
  keys?: string;
  className?: string;
  onClick: (event: Event) => void;
}

export function iconButton(options: IconButtonOptions): TemplateResult {
  const title = options.keys ? `${options.label} (${options.keys})` : options.label;
  return html`<vscode-button
    appearance="icon"
    class=${options.className ?? ''}
    aria-label=${options.label}
    .ariaPressed=${options.pressed === undefined ? null : String(options.pressed)}
    ?disabled=${options.disabled ?? false}
    title=${title}
    .ariaKeyshortcuts=${options.keys?.replace('Ctrl', 'Control') ?? null}
    @click=${options.onClick}
    >${icon(options.icon)}</vscode-button
  >`;
}

/** Text that acts: for addresses inside of sentences and lists. */
export function linkButton(label: string, onClick: () => void, title?: string): TemplateResult {
  return html`<button type="button" class="link-button" title=${ifDefined(title)} @click=${onClick}>${label}</button>`;
}

interface TextFieldOptions {
  label: string;
  value: string;
  placeholder?: string;
  /** Digits that fit. */
  size?: number;
  invalid?: boolean;
  onChange: (value: string) => void;
}

/** A text field that reports when it is left or Enter is pressed. */
export function textField(options: TextFieldOptions): TemplateResult {
  return html`<vscode-text-field
    aria-label=${options.label}
    class=${options.invalid ? 'invalid' : ''}
    aria-invalid=${options.invalid ? 'true' : 'false'}
    placeholder=${ifDefined(options.placeholder)}
    size=${ifDefined(options.size)}
    .value=${options.value}
    @change=${(event: Event) => options.onChange((event.target as HTMLInputElement).value)}
  ></vscode-text-field>`;
}

/** Something goes on and nobody knows how long: the toolkit's ring ignores its value, so it is used for this only. */
export function busy(label: string): TemplateResult {
  return html`<span class="busy" role="status"
    ><vscode-progress-ring aria-hidden="true"></vscode-progress-ring>${label}</span
  >`;
}

/** Real progress. `total` 0: not known yet. */
export function progressBar(label: string, done: number, total: number): TemplateResult {
  const share = total > 0 ? Math.min(1, done / total) : 0;
  return html`<div
    class="progress-bar ${total > 0 ? '' : 'indeterminate'}"
    role="progressbar"
    aria-label=${label}
    aria-valuemin="0"
    aria-valuemax="100"
    aria-valuenow=${ifDefined(total > 0 ? Math.round(share * 100) : undefined)}
  >
    <div class="progress-bar-fill" .style=${`width:${(share * 100).toFixed(1)}%`}></div>
  </div>`;
}
