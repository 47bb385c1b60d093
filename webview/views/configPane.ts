/** A layer's config as the file has it, indented. */
import { html, type TemplateResult } from 'lit';
import type { InspectLayer } from '../../src/core/model/inspectDocument';
import { isJsonObject, type JsonValue } from '../../src/core/model/json';
import { t } from '../l10n';
import type { ViewerStore } from '../state/viewerStore';
import { button } from '../ui/controls';

/** A config longer than this (characters) is cut on screen; the copy is whole. */
const shown = 50_000;

export function configPane(store: ViewerStore, layer: InspectLayer): TemplateResult {
  if (Object.keys(layer.config).length === 0)
    return html`<p class="empty">${t('The file has no config for this layer.')}</p>`;
  const text = formatJson(layer.config);
  return html`<div class="pane-toolbar">
      ${button({ label: t('Copy JSON'), icon: 'copy', onClick: () => void store.copy(text) })}
    </div>
    <pre class="config">${jsonTokens(text.slice(0, shown))}${text.length > shown ? '\n…' : ''}</pre>`;
}

/** Keys, strings and the rest get a class each; the text itself stays text. */
function jsonTokens(text: string): TemplateResult[] {
  const tokens: TemplateResult[] = [];
  const pattern = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*|true|false|null)|[^"\d\-tfn]+|./g;
  for (const [whole, quoted, colon, literal] of text.matchAll(pattern)) {
    if (quoted !== undefined) {
      tokens.push(html`<span class=${colon === undefined ? 'json-string' : 'json-key'}>${quoted}</span>${colon ?? ''}`);
    } else tokens.push(literal === undefined ? html`${whole}` : html`<span class="json-literal">${whole}</span>`);
  }
  return tokens;
}

/** Indented by two, lists of plain values on one line. A file cannot nest deeper than its reader lets it. */
function formatJson(value: JsonValue, indent = ''): string {
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    const plain = value.every((item) => typeof item !== 'object' || item === null);
    if (plain) return `[${value.map((item) => JSON.stringify(item)).join(', ')}]`;
    return `[\n${value.map((item) => deeper + formatJson(item, deeper)).join(',\n')}\n${indent}]`;
  }
  if (!isJsonObject(value)) return JSON.stringify(value);
  const entries = Object.entries(value).map(
    ([key, item]) => `${deeper}${JSON.stringify(key)}: ${formatJson(item, deeper)}`,
  );
  return entries.length === 0 ? '{}' : `{\n${entries.join(',\n')}\n${indent}}`;
}
