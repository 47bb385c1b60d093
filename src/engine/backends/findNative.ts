/** The native package that this machine can use, or why there is none. Loads nothing of it, nor of TensorFlow.js. */
import { statSync } from 'node:fs';
import type { ErrorData } from '../../core/errors';
import type { NativeSearch } from '../../protocol/engine';
import { findNativePackages, type NativePackage } from './nativePackage';
import { tryNativeLibrary } from './nativeTrial';

/** Why packages cannot be used: what failed is not tried again in the life of this process, until its files are others. */
const unusable = new Map<string, ErrorData>();

/** For one that failed although its library loads. */
export function noteUnusable(found: NativePackage, problem: ErrorData): void {
  unusable.set(identityOf(found), problem);
}

function identityOf({ binding }: NativePackage): string {
  const { size, mtimeMs } = statSync(binding, { throwIfNoEntry: false }) ?? { size: 0, mtimeMs: 0 };
  return JSON.stringify([binding, size, mtimeMs]);
}

/** What an error of the backend says, the most important first. `nothing`: there is none to have a problem with. */
export interface NoNative {
  problems: [ErrorData, ...ErrorData[]];
  nothing: boolean;
}

/** The first of those that are where they may be that can be used. */
export async function findNative(search: NativeSearch): Promise<NativePackage | NoNative> {
  if (!search.trusted)
    return { problems: [{ why: 'native libraries are loaded in trusted workspaces only' }], nothing: true };
  const { packages, problems, folders } = findNativePackages(search);
  for (const found of packages) {
    const problem = unusable.get(identityOf(found)) ?? (await tryNativeLibrary(found));
    if (problem === null) return found;
    noteUnusable(found, problem);
    problems.push(problem);
  }
  const [first, ...others] = problems;
  if (first) return { problems: [first, ...others], nothing: false };
  return { problems: [folders.length > 0 ? { folders } : { why: 'nobody said where it is' }], nothing: true };
}
