/** A tensor's preview, by what it is. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Preview, PreviewResult } from '../../src/protocol/engine';
import { bars } from '../drawing/bars';
import { picture } from '../drawing/picture';
import { formatCount, formatValue } from '../format/numbers';
import { t } from '../l10n';
import type { ViewerStore } from '../state/viewerStore';
import { icon, iconButton } from '../ui/controls';

export interface PreviewState {
  example: number;
  offset: number;
  limit: number;
  enlarged: number | null;
  page(offset: number): void;
  enlarge(channel: number | null): void;
}

export function previewView(store: ViewerStore, result: PreviewResult, state: PreviewState): TemplateResult {
  const { preview } = result;
  switch (preview.kind) {
    case 'channels':
    case 'matrix':
      return state.enlarged === null ? tiles(preview, state) : enlarged(store, result, preview, state);
    case 'bars':
      return html`${pages(preview.total, preview.offset, preview.values.length, state)}${bars(preview.values, preview.offset)}`;
    case 'heatmap':
      return html`<ms-large-map
        .store=${store}
        .address=${result.address}
        .example=${state.example}
        .channel=${null}
        .pixels=${preview.picture}
        .rowName=${t('step')}
        .columnName=${t('unit')}
        .caption=${t('{rows} steps × {columns} units, {min} … {max}', {
          rows: preview.rows,
          columns: preview.columns,
          min: formatValue(preview.min, 3),
          max: formatValue(preview.max, 3),
        })}
      ></ms-large-map>`;
    case 'classes':
      return classes(preview);
    case 'scalar':
      return html`<p class="scalar">${formatValue(preview.value, 7)}</p>`;
    case 'strings':
      return html`<ol class="strings">
        ${preview.values.map((value) => html`<li class="code">${value}</li>`)}
        ${
          preview.total > preview.values.length
            ? html`<li class="quiet">
                ${t('and {count} more', { count: formatCount(preview.total - preview.values.length) })}
              </li>`
            : nothing
        }
      </ol>`;
  }
}

type Tiles = Extract<Preview, { kind: 'channels' | 'matrix' }>;

/** Small pictures grow in whole steps, so that all pixels of a tile are of one size. */
function tileSize({ tileWidth, tileHeight }: Tiles): { width: number; height: number } {
  const longest = Math.max(tileWidth, tileHeight, 1);
  const scale = longest >= 72 ? 96 / longest : Math.max(1, Math.round(72 / longest));
  return { width: Math.max(1, Math.round(tileWidth * scale)), height: Math.max(1, Math.round(tileHeight * scale)) };
}

function tiles(preview: Tiles, state: PreviewState): TemplateResult {
  const { width, height } = tileSize(preview);
  const unit = preview.kind === 'matrix' ? t('head') : t('channel');
  return html`${pages(preview.channels, state.offset, preview.tiles.length, state)}
    <ul
      class="tiles"
      aria-label=${preview.kind === 'matrix' ? t('Heads') : t('Channels')}
      .style=${`--tile-width:${width}px;--tile-height:${height}px`}
      @keydown=${moveBetweenTiles}
    >
      ${preview.tiles.map((tile, index) => {
        const range = `${formatValue(tile.min, 3)} … ${formatValue(tile.max, 3)}`;
        const number = tile.dead ? `${tile.channel} ${t('dead')}` : tile.channel;
        const label = t('{unit} {number}: {range}, mean {mean}', {
          unit,
          number,
          range,
          mean: formatValue(tile.mean, 3),
        });
        return html`<li>
          <button
            type="button"
            class="tile ${tile.dead ? 'dead' : ''}"
            data-channel=${tile.channel}
            tabindex=${index === 0 ? 0 : -1}
            aria-label=${label}
            title=${label}
            @click=${() => state.enlarge(tile.channel)}
          >
            <canvas aria-hidden="true" ${picture(tile.picture)}></canvas>
            <span class="tile-label"
              >${tile.channel}${tile.dead ? html` <span class="tile-dead">${t('dead')}</span>` : nothing}</span
            >
          </button>
        </li>`;
      })}
    </ul>`;
}

/** Arrows move between tiles, as in any grid; one of them is in the tab order. */
function moveBetweenTiles(event: KeyboardEvent): void {
  const list = event.currentTarget as HTMLElement;
  const all = [...list.querySelectorAll<HTMLButtonElement>('.tile')];
  const at = all.indexOf(event.target as HTMLButtonElement);
  const first = all[0];
  if (at < 0 || !first) return;
  const columns = Math.max(1, all.filter((tile) => tile.offsetTop === first.offsetTop).length);
  const steps: Record<string, number> = {
    ArrowRight: at + 1,
    ArrowLeft: at - 1,
    ArrowDown: at + columns,
    ArrowUp: at - columns,
    Home: 0,
    End: all.length - 1,
  };
  const to = steps[event.key];
  const tile = to === undefined ? undefined : all[to];
  if (to === undefined) return;
  event.preventDefault();
  if (!tile) return;
  for (const other of all) other.tabIndex = other === tile ? 0 : -1;
  tile.focus();
}

function enlarged(store: ViewerStore, result: PreviewResult, preview: Tiles, state: PreviewState): TemplateResult {
  const channel = state.enlarged ?? 0;
  const tile = preview.tiles.find((other) => other.channel === channel);
  const first = preview.tiles[0]?.channel ?? 0;
  const last = preview.tiles.at(-1)?.channel ?? 0;
  const back = (): void => state.enlarge(null);
  return html`<div
    class="enlarged"
    @keydown=${(event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      event.preventDefault();
      event.stopPropagation();
      back();
    }}
  >
    <div class="pane-toolbar">
      ${iconButton({ label: t('All channels'), keys: 'Esc', icon: 'arrow-left', onClick: back })}
      <span
        >${preview.kind === 'matrix' ? t('Head {number}', { number: channel }) : t('Channel {number}', { number: channel })}</span
      >
      <span class="quiet tabular"
        >${tile ? `${formatValue(tile.min, 3)} … ${formatValue(tile.max, 3)}, ${t('mean')} ${formatValue(tile.mean, 3)}` : ''}</span
      >
      <span class="spacer"></span>
      ${iconButton({ label: t('Previous channel'), icon: 'chevron-left', disabled: channel <= first, onClick: () => state.enlarge(channel - 1) })}
      ${iconButton({ label: t('Next channel'), icon: 'chevron-right', disabled: channel >= last, onClick: () => state.enlarge(channel + 1) })}
    </div>
    ${
      tile
        ? html`<ms-large-map
            .store=${store}
            .address=${result.address}
            .example=${state.example}
            .channel=${channel}
            .pixels=${tile.picture}
            .rowName=${t('y')}
            .columnName=${t('x')}
            .caption=${''}
          ></ms-large-map>`
        : nothing
    }
  </div>`;
}

function pages(total: number, offset: number, count: number, state: PreviewState): TemplateResult | typeof nothing {
  if (total <= count && offset === 0) return nothing;
  return html`<div class="pages">
    ${iconButton({ label: t('Earlier'), icon: 'chevron-left', disabled: offset === 0, onClick: () => state.page(Math.max(0, offset - state.limit)) })}
    <span class="tabular"
      >${t('{first}–{last} of {total}', { first: offset, last: offset + count - 1, total: formatCount(total) })}</span
    >
    ${iconButton({ label: t('Later'), icon: 'chevron-right', disabled: offset + count >= total, onClick: () => state.page(offset + state.limit) })}
  </div>`;
}

function classes({ top, total }: Extract<Preview, { kind: 'classes' }>): TemplateResult {
  const most = Math.max(1e-30, ...top.map((entry) => Math.abs(entry.value)));
  return html`<table class="classes">
      <caption class="visually-hidden">
        ${t('Highest of {total} values', { total: formatCount(total) })}
      </caption>
      <thead class="visually-hidden">
        <tr>
          <th scope="col">${t('Class')}</th>
          <th scope="col">${t('Bar')}</th>
          <th scope="col">${t('Value')}</th>
        </tr>
      </thead>
      <tbody>
        ${top.map(
          (entry, index) =>
            html`<tr class=${index === 0 ? 'best' : ''}>
              <th scope="row">
                ${entry.label === null ? html`<span class="code">${entry.index}</span>` : html`${entry.label} <span class="quiet code">${entry.index}</span>`}
              </th>
              <td class="class-bar">
                <div
                  class=${entry.value < 0 ? 'negative' : ''}
                  .style=${`width:${((100 * Math.abs(entry.value)) / most).toFixed(1)}%`}
                ></div>
              </td>
              <td class="class-value">${formatValue(entry.value)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
    ${total > top.length ? html`<p class="quiet">${icon('ellipsis')}${t('{count} more values are lower', { count: formatCount(total - top.length) })}</p>` : nothing}`;
}
