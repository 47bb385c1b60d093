/** Values of a vector as bars from the zero line. One SVG path, so that thousands cost one element. */
import { html, nothing, type TemplateResult } from 'lit';
import { formatValue } from '../format/numbers';
import { t } from '../l10n';

const height = 160;
/** Room for the numbers beside the bars, px; the style sheet has it, too. */
const scaleWidth = 52;

/** `first`: index of the first value in the tensor. */
export function bars(values: readonly number[], first: number): TemplateResult {
  const finite = values.filter(Number.isFinite);
  const max = Math.max(0, ...finite);
  const min = Math.min(0, ...finite);
  const span = max - min || 1;
  const y = (value: number): number => ((max - value) / span) * height;
  const wide = values.length <= 400 ? 0.82 : 1;
  let path = '';
  values.forEach((value, index) => {
    if (!Number.isFinite(value) || value === 0) return;
    path += `M${index} ${y(0).toFixed(2)}h${wide}V${y(value).toFixed(2)}h-${wide}z`;
  });
  const last = first + values.length - 1;
  const label = t('Values {first} to {last}: {min} … {max}', {
    first,
    last,
    min: formatValue(min, 3),
    max: formatValue(max, 3),
  });
  return html`<figure class="bars" .style=${`max-width:${scaleWidth + Math.max(160, values.length * 40)}px`}>
    <div class="bars-scale" aria-hidden="true">
      <span>${formatValue(max, 3)}</span>${min < 0 ? html`<span>${formatValue(min, 3)}</span>` : html`<span>0</span>`}
    </div>
    <svg
      viewBox="0 0 ${values.length} ${height}"
      preserveAspectRatio="none"
      role="img"
      aria-label=${label}
      @pointermove=${(event: PointerEvent) => showValue(event, values, first)}
      @pointerleave=${(event: PointerEvent) => readout(event)?.replaceChildren()}
    >
      <path class="bars-values" d=${path}></path>
      <path class="bars-zero" d="M0 ${y(0)}H${values.length}" vector-effect="non-scaling-stroke"></path>
    </svg>
    <figcaption class="axis">
      <span>${first}</span><span class="bars-readout"></span><span>${last > first ? last : nothing}</span>
    </figcaption>
  </figure>`;
}

function readout(event: Event): Element | null {
  return (event.currentTarget as Element).closest('figure')?.querySelector('.bars-readout') ?? null;
}

function showValue(event: PointerEvent, values: readonly number[], first: number): void {
  const box = (event.currentTarget as Element).getBoundingClientRect();
  const index = Math.min(
    values.length - 1,
    Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * values.length)),
  );
  const value = values[index];
  const target = readout(event);
  // This span has no bindings, so Lit never touches its text.
  if (target && value !== undefined) target.textContent = `[${first + index}] ${formatValue(value, 6)}`;
}
