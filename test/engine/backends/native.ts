/** A real tfjs-node for tests; where it cannot be had, they say so and are skipped. */
import type { NativeSearch } from '../../../src/protocol/engine';
import { ensureNativeTensorflow } from '../../../scripts/nativeTensorflow.mjs';

const { folder, missing } = await ensureNativeTensorflow();

/** For `describe.skipIf`. */
export const lacksNative = missing !== undefined;

/** The title of what needs it, with the reason where it is skipped. */
export const onNative = missing === undefined ? 'on tensorflow' : `on tensorflow (skipped: ${missing})`;

/** Where the package is. */
export const nativeFolder = folder ?? '';

export const nativeSearch: NativeSearch = { named: null, folders: [nativeFolder], trusted: true };
