/** How values are spread, as bars; SVG, so that themes and zoom cost nothing. */
import { html, svg, type TemplateResult } from 'lit';
import { formatCount, formatValue } from '../format/numbers';
import { t } from '../l10n';

export interface HistogramData {
  counts: number[];
  min: number;
  max: number;
}

const height = 40;

export function histogram({ counts, min, max }: HistogramData, label: string): TemplateResult {
  const most = Math.max(1, ...counts);
  const step = (max - min) / Math.max(1, counts.length);
  // One tall bin (zeros after a ReLU) would flatten all others: heights go by the square root.
  const share = (count: number): number => (count === 0 ? 0 : Math.max(1, Math.sqrt(count / most) * height));
  return html`<figure class="histogram">
    <svg viewBox="0 0 ${counts.length * 4} ${height}" preserveAspectRatio="none" role="img" aria-label=${label}>
      ${counts.map((count, index) => {
        const tall = share(count);
        return svg`<g><rect class="histogram-hover" x=${index * 4} y="0" width="4" height=${height}></rect>
          <rect class="histogram-bar" x=${index * 4} y=${height - tall} width="3.2" height=${tall}></rect>
          <title>${formatValue(min + index * step, 3)} … ${formatValue(min + (index + 1) * step, 3)}: ${formatCount(count)}</title></g>`;
      })}
    </svg>
    <figcaption class="axis">
      <span>${formatValue(min, 3)}</span><span class="quiet">${t('√ count')}</span><span>${formatValue(max, 3)}</span>
    </figcaption>
  </figure>`;
}
