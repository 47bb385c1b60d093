/** What every view is: a Lit element in the light DOM that draws again when the store changes. */
import { LitElement } from 'lit';
import { property } from 'lit/decorators.js';
import type { ViewerStore } from '../state/viewerStore';

/**
 * Light DOM, because VS Code finds `data-vscode-context` only there, `aria-controls` and
 * `aria-activedescendant` need one tree of ids, and one style sheet serves all views.
 */
export abstract class StoreView extends LitElement {
  @property({ attribute: false }) store!: ViewerStore;
  private unsubscribe: (() => void) | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.unsubscribe = this.store.subscribe(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.unsubscribe?.();
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }
}
