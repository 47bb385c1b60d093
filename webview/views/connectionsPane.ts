/** What a row reads and who reads it, its addresses and indexes. */
import { html, nothing, type TemplateResult } from 'lit';
import type { InspectLayer } from '../../src/core/model/inspectDocument';
import { shownAddress } from '../format/addresses';
import { axesOf, describeShape } from '../format/axes';
import { formatCount } from '../format/numbers';
import { formatShape } from '../format/shapes';
import { t } from '../l10n';
import type { ViewerStore } from '../state/viewerStore';
import { markIcons } from '../tree/markCells';
import { outputAddresses, type TreeRow } from '../tree/rows';
import { iconButton, linkButton } from '../ui/controls';

export function connectionsPane(
  store: ViewerStore,
  row: TreeRow,
  layer: InspectLayer,
  reveal: (address: string) => void,
): TemplateResult {
  const inputs = (row.call?.inputs ?? []).map((address) => rebase(address, row));
  const readers = store.readersOf(row);
  const { keras, tfjs } = layer.index;
  const macs = row.call?.macs ?? null;
  return html`<dl class="facts-table">
      <dt>${t('Address')}</dt>
      <dd>
        <span class="code">${row.id}</span
        >${iconButton({ label: t('Copy address'), icon: 'copy', onClick: () => void store.copy(row.id) })}
      </dd>
      <dt>${t('Index in Keras')}</dt>
      <dd class="code">${keras === null ? '–' : `layers[${keras}]`}</dd>
      <dt>${t('Index in TF.js')}</dt>
      <dd class="code">${tfjs === null ? '–' : `layers[${tfjs}]`}</dd>
      <dt>${t('Trainable')}</dt>
      <dd>${layer.trainable ? t('yes') : t('no')}</dd>
      <dt>${t('MACs')}</dt>
      <dd class="code">${macs === null ? t('Unknown') : formatCount(macs)}</dd>
    </dl>
    <h3>${t('Inputs')}</h3>
    ${links(inputs, reveal, t('Nothing: it is an input of the model.'))}
    <h3>${t('Outputs')}</h3>
    <ul class="tensor-list">
      ${(row.call?.outputs ?? []).map((output, index) => {
        const address = outputAddresses(row)[index] ?? row.id;
        const marked = store.isMarked(address, 'output');
        return html`<li>
          ${iconButton({
            label: t('Mark {address} as output', { address }),
            icon: marked ? markIcons.output.set : markIcons.output.unset,
            className: 'mark-button of-output',
            pressed: marked,
            onClick: () => void store.toggleMarks('output', [address]),
          })}
          <span class="code">${shownAddress(address)}</span>
          <span
            class="code quiet"
            title=${describeShape(output.shape, output.dtype, axesOf(row.layer, output.shape?.length ?? 0, layer.config))}
            >${formatShape(output.shape)} ${output.dtype ?? ''}</span
          >
        </li>`;
      })}
    </ul>
    <h3>${t('Used by')}</h3>
    ${links(readers, reveal, t('Nobody: it is an output of the model, or not used.'))}
    ${
      layer.calls.length > 1
        ? html`<h3>${t('Calls')}</h3>
            ${links(
              layer.calls.map((call) => rebase(call.address, row)),
              reveal,
              '',
            )}`
        : nothing
    }`;
}

function links(addresses: readonly string[], reveal: (address: string) => void, none: string): TemplateResult {
  if (addresses.length === 0) return html`<p class="quiet">${none}</p>`;
  return html`<ul class="tensor-list">
    ${addresses.slice(0, 200).map((address) => html`<li>${linkButton(shownAddress(address), () => reveal(address))}</li>`)}
    ${addresses.length > 200 ? html`<li class="quiet">${t('and {count} more', { count: addresses.length - 200 })}</li>` : nothing}
  </ul>`;
}

/** Addresses in the model stand for the first call of what is around them. */
function rebase(address: string, row: TreeRow): string {
  const { parent } = row;
  if (!parent || parent.id === parent.layer.address) return address;
  const prefix = `${parent.layer.address}/`;
  return address.startsWith(prefix) ? `${parent.id}/${address.slice(prefix.length)}` : address;
}
