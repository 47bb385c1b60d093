/** *Select Backend*: what there is, which is chosen, and why the native one is not there. */
import { l10n, window, type QuickPickItem, type Uri } from 'vscode';
import { settings, type BackendArgs, type BackendChoice } from '../contributions';
import { nativeSearchFor } from '../nativeSearch';
import { chosenBackend, writeSetting } from '../preferences';
import { errorSentence } from '../sentences';
import { findNative, installNativeBackend, noNative, type NativeServices } from './nativeBackend';
import { removeLeftovers } from './nativeBackendInstall';

interface Item extends QuickPickItem {
  backend: BackendChoice;
  /** It is not there: choosing it installs it first. */
  missing?: boolean;
}

/** @param uri the active model, whose setting and folders count. */
export async function selectBackend(
  { backend }: BackendArgs,
  uri: Uri | undefined,
  services: NativeServices,
): Promise<void> {
  if (backend !== undefined) {
    await writeSetting(settings.backend, backend);
    return;
  }
  const chosen = await window.showQuickPick(itemsFor(uri, services), {
    placeHolder: l10n.t('What runs the model?'),
    matchOnDetail: true,
  });
  if (!chosen) return;
  if (chosen.missing && !(await installNativeBackend({}, services))) return;
  await writeSetting(settings.backend, chosen.backend);
}

async function itemsFor(uri: Uri | undefined, services: NativeServices): Promise<Item[]> {
  await removeLeftovers(services.nativeHome);
  const search = nativeSearchFor(services.nativeHome, uri);
  const found = await findNative(search, services);
  const native =
    'problems' in found
      ? errorSentence(noNative(found.problems))
      : l10n.t('Native: @tensorflow/tfjs-node {version} in {folder}', found);
  const missing = 'problems' in found && search.trusted;
  const choices: Item[] = [
    { backend: 'auto', label: 'auto', detail: l10n.t('The fastest that can run the model') },
    {
      backend: 'tensorflow',
      label: missing ? l10n.t('tensorflow: install it …') : 'tensorflow',
      detail: native,
      missing,
    },
    { backend: 'wasm', label: 'wasm', detail: l10n.t('WebAssembly; what it lacks runs on cpu') },
    { backend: 'cpu', label: 'cpu', detail: l10n.t('Plain JavaScript: slow, and knows every kernel') },
  ];
  const current = chosenBackend(uri);
  return choices.map((choice) => ({
    ...choice,
    description: choice.backend === current ? l10n.t('current') : '',
  }));
}
