/** How a picture becomes a tensor: every step on show, every step to change. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Preprocessing } from '../../src/protocol/engine';
import { t } from '../l10n';
import { icon, textField } from '../ui/controls';
import { dropdown } from '../ui/dropdown';

export function preprocessingForm(
  preprocessing: Preprocessing,
  change: (fields: Partial<Preprocessing>) => void,
): TemplateResult {
  const { width, height, resize, interpolation, colorMode, layout, range, reason } = preprocessing;
  const summary = [
    `${width} × ${height}`,
    interpolationName(interpolation),
    colorName(colorMode),
    rangeName(range),
  ].join(' · ');
  return html`<details class="preprocessing">
    <summary>
      <span class="summary-title">${icon('chevron-right', 'summary-twistie')}${t('Preprocessing')}</span>
      <span class="summary-text">${summary}</span>
    </summary>
    ${reason !== null ? html`<p class="quiet">${icon('lightbulb')}${reason}</p>` : nothing}
    <div class="form">
      ${field(
        t('Size'),
        html`${size(t('Width in pixels'), width, (value) => change({ width: value }))}×${size(t('Height in pixels'), height, (value) => change({ height: value }))}`,
      )}
      ${field(
        t('Colours'),
        dropdown(
          t('Colours'),
          colorMode,
          (['rgb', 'bgr', 'grayscale'] as const).map((value) => ({ value, label: colorName(value) })),
          (value) => change({ colorMode: value as Preprocessing['colorMode'] }),
        ),
      )}
      ${field(
        t('Interpolation'),
        dropdown(
          t('Interpolation'),
          interpolation,
          (['nearest', 'bilinear', 'bicubic'] as const).map((value) => ({ value, label: interpolationName(value) })),
          (value) => change({ interpolation: value as Preprocessing['interpolation'] }),
        ),
      )}
      ${field(
        t('Resize as in'),
        dropdown(
          t('Resize as in'),
          resize,
          [
            { value: 'pillow', label: t('Pillow (Keras)') },
            { value: 'tensorflow', label: t('TensorFlow') },
          ],
          (value) => change({ resize: value as Preprocessing['resize'] }),
        ),
      )}
      ${field(
        t('Values'),
        dropdown(
          t('Values'),
          range,
          (['unit', 'signed', 'caffe', 'torch', 'none', 'custom'] as const).map((value) => ({
            value,
            label: rangeName(value),
          })),
          (value) => change({ range: value as Preprocessing['range'] }),
        ),
      )}
      ${field(
        t('Layout'),
        dropdown(
          t('Layout'),
          layout,
          [
            { value: 'channels_last', label: t('channels last') },
            { value: 'channels_first', label: t('channels first') },
          ],
          (value) => change({ layout: value as Preprocessing['layout'] }),
        ),
      )}
      ${range === 'custom' ? custom(preprocessing, change) : nothing}
    </div>
  </details>`;
}

function custom(
  { scale, offset, mean, std }: Preprocessing,
  change: (fields: Partial<Preprocessing>) => void,
): TemplateResult {
  const number = (label: string, value: number, set: (value: number) => void): TemplateResult =>
    textField({
      label,
      value: String(value),
      size: 8,
      onChange: (text) => {
        const parsed = Number(text);
        if (text.trim() !== '' && Number.isFinite(parsed)) set(parsed);
      },
    });
  const numbers = (label: string, value: number[] | undefined, set: (value: number[]) => void): TemplateResult =>
    textField({
      label,
      value: (value ?? []).join(', '),
      placeholder: t('one a channel'),
      size: 18,
      onChange: (text) => {
        const parsed = text
          .split(/[\s,;]+/)
          .filter(Boolean)
          .map(Number);
        if (parsed.every(Number.isFinite)) set(parsed);
      },
    });
  return html`${field(
    t('Scale'),
    number(t('Scale'), scale ?? 1, (value) => change({ scale: value })),
  )}
  ${field(
    t('Offset'),
    number(t('Offset'), offset ?? 0, (value) => change({ offset: value })),
  )}
  ${field(
    t('Mean'),
    numbers(t('Mean of each channel'), mean, (value) => change({ mean: value })),
  )}
  ${field(
    t('Deviation'),
    numbers(t('Standard deviation of each channel'), std, (value) => change({ std: value })),
  )}`;
}

function field(label: string, control: TemplateResult): TemplateResult {
  return html`<div class="form-field">
    <span class="form-label">${label}</span><span class="form-control">${control}</span>
  </div>`;
}

function size(label: string, value: number, set: (value: number) => void): TemplateResult {
  return textField({
    label,
    value: String(value),
    size: 4,
    onChange: (text) => {
      const parsed = Math.trunc(Number(text));
      if (parsed > 0 && parsed <= 8192) set(parsed);
    },
  });
}

function interpolationName(value: Preprocessing['interpolation']): string {
  return { nearest: t('nearest'), bilinear: t('bilinear'), bicubic: t('bicubic') }[value];
}

function colorName(value: Preprocessing['colorMode']): string {
  return { rgb: 'RGB', bgr: 'BGR', grayscale: t('grey') }[value];
}

function rangeName(value: Preprocessing['range']): string {
  return {
    unit: '0 … 1',
    signed: '−1 … 1',
    caffe: t('caffe: BGR − means'),
    torch: t('torch: mean, deviation'),
    none: '0 … 255',
    custom: t('custom'),
  }[value];
}
