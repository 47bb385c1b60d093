/** One channel, or a heatmap, large: the value under the pointer, or under the cursor that arrow keys move. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { Picture } from '../../src/protocol/engine';
import { picture } from '../drawing/picture';
import { formatValue } from '../format/numbers';
import { t } from '../l10n';
import { Resource } from '../state/resource';
import { StoreView } from './storeView';

interface Values {
  width: number;
  height: number;
  values: Float32Array;
}

@customElement('ms-large-map')
export class LargeMap extends StoreView {
  @property({ attribute: false }) address = '';
  @property({ attribute: false }) example = 0;
  @property({ attribute: false }) channel: number | null = null;
  @property({ attribute: false }) pixels!: Picture;
  @property({ attribute: false }) rowName = 'y';
  @property({ attribute: false }) columnName = 'x';
  @property({ attribute: false }) caption = '';
  /** Position in the picture. */
  @state() private at: { x: number; y: number } | null = null;
  private readonly values = new Resource<Values>(() => this.requestUpdate());

  focusMap(): void {
    const frame = this.querySelector<HTMLElement>('.large-map-frame');
    frame?.focus({ preventScroll: true });
    this.scrollIntoView({ block: 'nearest' });
  }

  protected override willUpdate(changes: PropertyValues): void {
    if (changes.has('address') || changes.has('pixels')) {
      const { width, height } = this.pixels;
      if (this.at && (this.at.x >= width || this.at.y >= height)) this.at = null;
    }
  }

  protected override render(): TemplateResult {
    const { width, height } = this.pixels;
    const longest = Math.max(width, height, 1);
    // Small maps grow in whole steps; large ones fill the pane.
    const scale = Math.min(24, Math.max(1, Math.floor(480 / longest)));
    return html`<figure class="large-map">
      <figcaption id="map-readout" class="map-readout" aria-live="polite">
        ${this.at ? this.readout(this.at) : this.caption || t('Point at a value, or move with the arrow keys.')}
      </figcaption>
      <div
        class="large-map-frame"
        tabindex="0"
        role="application"
        aria-label=${t('Values of {address}: move with the arrow keys', { address: this.address })}
        aria-describedby="map-readout"
        .style=${`--map-width:${width * scale}px;--map-ratio:${(width / height).toFixed(4)}`}
        @keydown=${this.onKey}
        @pointermove=${this.onMove}
        @pointerleave=${() => (this.at = null)}
      >
        <canvas aria-hidden="true" ${picture(this.pixels)}></canvas>
        ${
          this.at
            ? html`<div
                class="map-cursor"
                .style=${`left:${(100 * this.at.x) / width}%;top:${(100 * this.at.y) / height}%;width:${100 / width}%;height:${100 / height}%`}
              ></div>`
            : nothing
        }
      </div>
    </figure>`;
  }

  private readout({ x, y }: { x: number; y: number }): string {
    const place = `${this.rowName} ${y}, ${this.columnName} ${x}`;
    const { address, example, channel, store } = this;
    const key = JSON.stringify([store.runCount, address, example, channel]);
    const shown = this.values.use(key, key, (signal) =>
      store.channel.request('values', { address, example, channel }, { signal }),
    );
    if (shown.state === 'failed') return `${place}: ${shown.message}`;
    if (shown.state !== 'done') return `${place}: …`;
    const { width, height, values } = shown.value;
    // A preview may be drawn smaller than the tensor is.
    const column = Math.min(width - 1, Math.floor((x * width) / this.pixels.width));
    const line = Math.min(height - 1, Math.floor((y * height) / this.pixels.height));
    const value = values[line * width + column];
    return `${this.rowName} ${line}, ${this.columnName} ${column}: ${value === undefined ? '–' : formatValue(value, 7)}`;
  }

  private onMove(event: PointerEvent): void {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const { width, height } = this.pixels;
    const x = Math.floor(((event.clientX - box.left) / box.width) * width);
    const y = Math.floor(((event.clientY - box.top) / box.height) * height);
    if (x < 0 || y < 0 || x >= width || y >= height) return;
    if (this.at?.x !== x || this.at.y !== y) this.at = { x, y };
  }

  private onKey(event: KeyboardEvent): void {
    const moves: Record<string, readonly [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    const { width, height } = this.pixels;
    const { x, y } = this.at ?? { x: 0, y: 0 };
    this.at = this.at
      ? { x: Math.min(width - 1, Math.max(0, x + move[0])), y: Math.min(height - 1, Math.max(0, y + move[1])) }
      : { x, y };
  }
}
