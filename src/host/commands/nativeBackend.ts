/** *Install Native Backend*: asks, fetches, tries, and says what came of it. */
import path from 'node:path';
import { l10n, ProgressLocation, window, type LogOutputChannel } from 'vscode';
import { EngineClient } from '../../client/engineClient';
import { SlicerError, type ErrorData } from '../../core/errors';
import type { EngineContract, NativeSearch } from '../../protocol/engine';
import { settings, type InstallNativeArgs } from '../contributions';
import { chosenBackend, writeSetting } from '../preferences';
import { installNative, nativeVersion, type InstallStep } from './nativeBackendInstall';

export interface NativeServices {
  /** `dist/engine.js`. */
  engineEntry: string;
  /** Where it goes, in the extension's own storage. */
  nativeHome: string;
  log: LogOutputChannel;
}

type Found = EngineContract['requests']['findNative']['result'];

/** What an engine of its own finds; it ends with the answer. */
export async function findNative(search: NativeSearch, { engineEntry, log }: NativeServices): Promise<Found> {
  const client = new EngineClient({ enginePath: engineEntry, onLog: (level, text) => log[level](text) });
  try {
    return await client.request('findNative', search);
  } finally {
    client.dispose();
  }
}

/** Why the native backend cannot be used. */
export function noNative([problem]: [ErrorData, ...ErrorData[]]): SlicerError {
  return new SlicerError('unsupported', { reason: 'backend', backend: 'tensorflow', ...problem });
}

let running = false;

/** @returns whether it is installed now. @throws SlicerError `install-failed`, `cancelled`. */
export async function installNativeBackend(
  { ask = true }: InstallNativeArgs,
  services: NativeServices,
): Promise<boolean> {
  if (running) throw new SlicerError('install-failed', { reason: 'running' });
  if (ask && !(await mayInstall(services.nativeHome))) return false;
  running = true;
  try {
    await window.withProgress(
      { location: ProgressLocation.Notification, title: l10n.t('Installing the native backend'), cancellable: true },
      async (progress, token) => {
        const controller = new AbortController();
        token.onCancellationRequested(() => controller.abort());
        await install(services, controller.signal, (message) => progress.report({ message }));
      },
    );
  } finally {
    running = false;
  }
  void tellInstalled();
  return true;
}

async function mayInstall(nativeHome: string): Promise<boolean> {
  const yes = l10n.t('Install');
  const detail = l10n.t(
    'npm fetches @tensorflow/tfjs-node {version} (about 200 MB) and keeps it in {folder} (about 450 MB). It runs large models up to three times as fast as WebAssembly. Nothing else is changed, and models run without it.',
    { version: nativeVersion, folder: path.dirname(nativeHome) },
  );
  const question = l10n.t('Install the native TensorFlow backend?');
  return (await window.showInformationMessage(question, { modal: true, detail }, yes)) === yes;
}

async function install(services: NativeServices, signal: AbortSignal, say: (text: string) => void): Promise<void> {
  const { nativeHome: target, log } = services;
  log.info(`installing @tensorflow/tfjs-node ${nativeVersion} into ${target}`);
  await installNative({
    target,
    env: process.env,
    signal,
    onStep: (step, bytes) => say(stepText(step, bytes)),
    onOutput: (text) => log.info(`npm: ${text}`),
    trial: async (folder) => {
      const found = await findNative({ named: folder, folders: [], trusted: true }, services);
      if ('problems' in found) throw noNative(found.problems);
    },
  });
  log.info(`installed @tensorflow/tfjs-node ${nativeVersion}`);
}

function stepText(step: InstallStep, bytes: number): string {
  if (step === 'packages') return l10n.t('packages');
  if (step === 'trial') return l10n.t('trying it');
  return l10n.t("TensorFlow's library: {size} MB unpacked", { size: Math.round(bytes / 1e6) });
}

/** Where the settings choose another backend, it is not used: that is offered. */
async function tellInstalled(): Promise<void> {
  if (['auto', 'tensorflow'].includes(chosenBackend())) {
    await window.showInformationMessage(
      l10n.t('The native TensorFlow backend is installed: models use it from their next run on.'),
    );
    return;
  }
  const use = l10n.t('Use It');
  const text = l10n.t('The native TensorFlow backend is installed, but the settings choose another one.');
  if ((await window.showInformationMessage(text, use)) === use) await writeSetting(settings.backend, 'auto');
}
