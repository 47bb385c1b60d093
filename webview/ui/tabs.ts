/** Tabs with ARIA's keyboard: arrows move and select, Home and End. */
import { html, type TemplateResult } from 'lit';

export interface Tab<Id extends string> {
  id: Id;
  label: string;
}

export function tabList<Id extends string>(
  label: string,
  tabs: readonly Tab<Id>[],
  selected: Id,
  select: (id: Id) => void,
): TemplateResult {
  const onKey = (event: KeyboardEvent): void => {
    const at = tabs.findIndex((tab) => tab.id === selected);
    const steps: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 };
    const to = steps[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const tab = tabs[(to + tabs.length) % tabs.length];
    if (!tab) return;
    select(tab.id);
    document.getElementById(`tab-${tab.id}`)?.focus();
  };
  return html`<div class="tabs" role="tablist" aria-label=${label} @keydown=${onKey}>
    ${tabs.map(
      (tab) =>
        html`<button
          type="button"
          class="tab"
          role="tab"
          id="tab-${tab.id}"
          aria-selected=${tab.id === selected ? 'true' : 'false'}
          aria-controls="tab-panel"
          tabindex=${tab.id === selected ? 0 : -1}
          @click=${() => select(tab.id)}
        >
          ${tab.label}
        </button>`,
    )}
  </div>`;
}
