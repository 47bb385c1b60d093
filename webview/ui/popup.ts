/** A button that opens a small page beside it: what does not fit on a line. */
import { html, nothing, type TemplateResult } from 'lit';

interface PopupOptions {
  /** Unique in the page. */
  id: string;
  /** Name of what opens. */
  label: string;
  button: { className: string; title?: string; content: TemplateResult };
  content: TemplateResult;
}

export function popupButton({ id, label, button, content }: PopupOptions): TemplateResult {
  return html`<button
      type="button"
      class=${button.className}
      popovertarget=${id}
      aria-haspopup="dialog"
      title=${button.title ?? nothing}
    >
      ${button.content}
    </button>
    <div id=${id} class="popup" popover="auto" role="dialog" aria-label=${label} tabindex="-1" @toggle=${placeAtButton}>
      ${content}
    </div>`;
}

/** Popovers stand in the middle of the page unless they are told where: below the button, above it where there is more room. */
function placeAtButton(event: Event): void {
  const popup = event.currentTarget as HTMLElement;
  if ((event as ToggleEvent).newState !== 'open') return;
  const opener = document.querySelector(`[popovertarget="${popup.id}"]`)?.getBoundingClientRect();
  if (!opener) return;
  const below = window.innerHeight - opener.bottom >= Math.min(popup.offsetHeight + 8, opener.top);
  popup.style.top = below ? `${opener.bottom + 4}px` : 'auto';
  popup.style.bottom = below ? 'auto' : `${window.innerHeight - opener.top + 4}px`;
  popup.style.left = `${Math.max(8, Math.min(opener.left, window.innerWidth - popup.offsetWidth - 8))}px`;
}
