/** The bar between tree and details: dragged, or moved by keys (ARIA window splitter). */
import { html, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { t } from '../l10n';
import { StoreView } from './storeView';

const least = 0.15;
const most = 0.85;

@customElement('ms-splitter')
export class SplitterView extends StoreView {
  /** Tree above details instead of beside. */
  @property({ type: Boolean }) stacked = false;
  private drag: { start: number; share: number; size: number } | null = null;

  protected override render(): TemplateResult {
    return html`<div
      class="splitter ${this.drag ? 'dragging' : ''}"
      role="separator"
      tabindex="0"
      aria-label=${t('Size of the layer tree')}
      aria-controls="tree-pane"
      aria-orientation=${this.stacked ? 'horizontal' : 'vertical'}
      aria-valuemin=${least * 100}
      aria-valuemax=${most * 100}
      aria-valuenow=${Math.round(this.share * 100)}
      @pointerdown=${this.onDown}
      @pointermove=${this.onMove}
      @pointerup=${this.onUp}
      @pointercancel=${this.onUp}
      @dblclick=${() => this.setShare(this.stacked ? 0.45 : 0.56)}
      @keydown=${this.onKey}
    ></div>`;
  }

  private get share(): number {
    const { split, splitStacked } = this.store.memory;
    return this.stacked ? splitStacked : split;
  }

  private setShare(share: number): void {
    const within = Math.min(most, Math.max(least, share));
    this.store.remember(this.stacked ? { splitStacked: within } : { split: within });
  }

  private onDown(event: PointerEvent): void {
    const box = this.parentElement?.getBoundingClientRect();
    if (!box || event.button !== 0) return;
    (event.target as HTMLElement).setPointerCapture(event.pointerId);
    this.drag = {
      start: this.stacked ? event.clientY : event.clientX,
      share: this.share,
      size: Math.max(1, this.stacked ? box.height : box.width),
    };
    event.preventDefault();
    this.requestUpdate();
  }

  private onMove(event: PointerEvent): void {
    if (!this.drag) return;
    const moved = (this.stacked ? event.clientY : event.clientX) - this.drag.start;
    this.setShare(this.drag.share + moved / this.drag.size);
  }

  private onUp(): void {
    this.drag = null;
    this.requestUpdate();
  }

  private onKey(event: KeyboardEvent): void {
    const [less, more] = this.stacked ? ['ArrowUp', 'ArrowDown'] : ['ArrowLeft', 'ArrowRight'];
    if (event.key === less) this.setShare(this.share - 0.02);
    else if (event.key === more) this.setShare(this.share + 0.02);
    else if (event.key === 'Home') this.setShare(least);
    else if (event.key === 'End') this.setShare(most);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
