/** A button with a menu (ARIA menu button). The toolkit has none. */
import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { icon } from './controls';

export interface MenuItem {
  label: string;
  /** A line below the label. */
  detail?: string;
  /** For items that are on or off; the menu then stays open. */
  checked?: boolean;
  run: () => void;
}

let count = 0;

@customElement('ms-menu-button')
export class MenuButton extends LitElement {
  @property({ attribute: false }) label = '';
  /** Icon alone: the label is then its name. */
  @property({ attribute: false }) icon: string | null = null;
  @property({ attribute: false }) items: readonly MenuItem[] = [];
  @property({ type: Boolean }) disabled = false;
  private readonly menuId = `menu-${++count}`;

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override render(): TemplateResult {
    return html`<vscode-button
        appearance=${this.icon ? 'icon' : 'secondary'}
        ?disabled=${this.disabled}
        aria-label=${this.label}
        .ariaHaspopup=${'menu'}
        title=${this.label}
        @click=${this.toggle}
        @keydown=${this.openByKey}
        >${
          this.icon
            ? icon(this.icon)
            : html`${this.label}<span slot="end" class="codicon codicon-chevron-down menu-chevron"></span>`
        }</vscode-button
      >
      <div
        id=${this.menuId}
        class="menu"
        role="menu"
        aria-label=${this.label}
        popover="auto"
        @keydown=${this.moveByKey}
        @toggle=${this.toggled}
      >
        ${this.items.map(
          (item) =>
            html`<button
              type="button"
              class="menu-item"
              role=${item.checked === undefined ? 'menuitem' : 'menuitemcheckbox'}
              aria-checked=${item.checked === undefined ? nothing : String(item.checked)}
              tabindex="-1"
              @click=${() => this.choose(item)}
            >
              <span class="menu-check codicon ${item.checked ? 'codicon-check' : ''}" aria-hidden="true"></span>
              <span class="menu-text"
                >${item.label}${item.detail ? html`<span class="menu-detail">${item.detail}</span>` : nothing}</span
              >
            </button>`,
        )}
      </div>`;
  }

  private get anchor(): HTMLElement | null {
    return this.querySelector('vscode-button');
  }

  private get menu(): HTMLElement | null {
    return this.querySelector('.menu');
  }

  private toggle(): void {
    this.menu?.togglePopover();
  }

  private openByKey(event: KeyboardEvent): void {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    event.preventDefault();
    event.stopPropagation();
    this.menu?.showPopover();
  }

  private toggled(event: Event): void {
    const open = (event as ToggleEvent).newState === 'open';
    if (this.anchor) this.anchor.ariaExpanded = String(open);
    if (!open || !this.menu || !this.anchor) return;
    const at = this.anchor.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.menu;
    const below = at.bottom + height + 4 <= window.innerHeight;
    this.menu.style.left = `${Math.max(4, Math.min(at.left, window.innerWidth - width - 4))}px`;
    this.menu.style.top = `${below ? at.bottom + 2 : Math.max(4, at.top - height - 2)}px`;
    this.buttons()[0]?.focus();
  }

  private moveByKey(event: KeyboardEvent): void {
    const buttons = this.buttons();
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const to =
      event.key === 'ArrowDown'
        ? (at + 1) % buttons.length
        : event.key === 'ArrowUp'
          ? (at - 1 + buttons.length) % buttons.length
          : event.key === 'Home'
            ? 0
            : event.key === 'End'
              ? buttons.length - 1
              : null;
    if (event.key === 'Tab') this.menu?.hidePopover();
    if (to === null) return;
    event.preventDefault();
    event.stopPropagation();
    buttons[to]?.focus();
  }

  private buttons(): HTMLButtonElement[] {
    return [...this.querySelectorAll<HTMLButtonElement>('.menu-item')];
  }

  private choose(item: MenuItem): void {
    if (item.checked === undefined) {
      this.menu?.hidePopover();
      this.anchor?.focus();
    }
    item.run();
  }
}

export function menuButton(label: string, items: readonly MenuItem[], iconName: string | null = null): TemplateResult {
  return html`<ms-menu-button .label=${label} .items=${items} .icon=${iconName}></ms-menu-button>`;
}
