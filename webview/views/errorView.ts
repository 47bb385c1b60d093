/** The page instead of the tree, and the banner above it. */
import { html, nothing, type TemplateResult } from 'lit';
import type { ErrorPage } from '../../src/protocol/viewer';
import { t } from '../l10n';
import type { ViewerStore } from '../state/viewerStore';
import { button, icon, iconButton, linkButton } from '../ui/controls';

export function errorPage(store: ViewerStore, error: ErrorPage): TemplateResult {
  return html`<main class="error-page">
    ${icon('error', 'error-icon')}
    <h1>${t('{file} cannot be opened', { file: store.state?.fileName ?? '' })}</h1>
    <p class="error-message">${error.message}</p>
    <p class="error-code">${error.code}</p>
    <div class="error-actions">
      ${
        error.canOpenStructure
          ? button({
              label: t('Open structure only'),
              primary: true,
              onClick: () => void store.command('openStructure'),
            })
          : nothing
      }
      ${
        error.canReopenAsText
          ? button({
              label: t('Reopen as text'),
              primary: !error.canOpenStructure,
              onClick: () => void store.command('reopenAsText'),
            })
          : nothing
      }
      ${button({ label: t('Reload'), onClick: () => void store.command('reload') })}
      ${button({ label: t('Show log'), onClick: () => void store.command('showLog') })}
    </div>
  </main>`;
}

/** The structure is open although the file is not whole. */
export function structureBanner(store: ViewerStore, error: ErrorPage): TemplateResult {
  return html`<div class="banner warning" role="alert">
    ${icon('warning')}
    <span class="banner-text"><strong>${t('Structure only.')}</strong> ${error.message}</span>
    ${linkButton(t('Reload'), () => void store.command('reload'))}
    ${linkButton(t('Show log'), () => void store.command('showLog'))}
  </div>`;
}

export function noticeBanner(store: ViewerStore): TemplateResult | typeof nothing {
  if (store.notice === null) return nothing;
  return html`<div class="banner error" role="alert">
    ${icon('error')}<span class="banner-text">${store.notice}</span>
    ${iconButton({ label: t('Dismiss'), icon: 'close', onClick: () => store.dismissNotice() })}
  </div>`;
}
