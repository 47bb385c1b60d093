/** Finds `@tensorflow/tfjs-node` where it may be, and says why what is there cannot be used. Loads nothing of it. */
import { existsSync, openSync, closeSync, readFileSync, readSync, realpathSync } from 'node:fs';
import path from 'node:path';
import type { ErrorData } from '../../core/errors';
import type { NativeSearch } from '../../protocol/engine';

export interface NativePackage {
  /** Of the package itself, links followed. */
  folder: string;
  version: string;
  /** The addon, which loads TensorFlow's library. */
  binding: string;
}

export interface FoundPackages {
  packages: NativePackage[];
  /** Why a package that is there cannot be used, each with its folder: what an error of the backend holds. */
  problems: ErrorData[];
  /** Where was looked. */
  folders: string[];
}

/** With the one for GPUs first: who has it wants it. */
const names = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];

/** The packages of the folder that the user named, then of the others, in their order. */
export function findNativePackages({ named, folders }: NativeSearch): FoundPackages {
  const found: FoundPackages = { packages: [], problems: [], folders: [] };
  for (const folder of [...(named === null ? [] : [named]), ...folders]) {
    if (found.folders.includes(folder)) continue;
    found.folders.push(folder);
    const places = names.map((name) => path.join(folder, 'node_modules', name));
    const present = (folder === named ? [folder, ...places] : places).filter((place) =>
      existsSync(path.join(place, 'package.json')),
    );
    const own = present.flatMap((place) => packageIn(place) ?? []);
    if (own.length === 0 && folder === named) found.problems.push({ folders: [folder] });
    for (const { usable, problem } of own) {
      if (usable) found.packages.push(usable);
      else found.problems.push(problem);
    }
  }
  return found;
}

type Looked = { usable: NativePackage; problem?: undefined } | { usable?: undefined; problem: ErrorData };

/** The package whose folder this is, or why it cannot be used; null: it is another package. */
function packageIn(place: string): Looked | null {
  const folder = realpathSync(place);
  const { name, version, napiVersions } = manifestOf(folder);
  if (!names.includes(name)) return null;
  if (!version.startsWith('4.')) return { problem: { folder, version } };
  const napi = Math.max(...napiVersions.filter((one) => one <= Number(process.versions.napi)));
  const binding = path.join(folder, 'lib', `napi-v${napi}`, 'tfjs_binding.node');
  if (!existsSync(binding)) return { problem: { folder, missing: path.relative(folder, binding) } };
  const here = `${process.platform} ${process.arch}`;
  try {
    const system = systemOf(binding);
    if (system !== here) return { problem: { folder, system: system ?? 'no system', here } };
  } catch (error) {
    return { problem: { folder, error: error instanceof Error ? error.message : String(error) } };
  }
  return { usable: { folder, version, binding } };
}

interface Manifest {
  name: string;
  version: string;
  napiVersions: number[];
}

function manifestOf(folder: string): Manifest {
  let value: { name?: unknown; version?: unknown; binary?: { napi_versions?: unknown } } | null;
  try {
    value = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as typeof value;
  } catch {
    value = null;
  }
  const versions = value?.binary?.napi_versions;
  return {
    name: typeof value?.name === 'string' ? value.name : '',
    version: typeof value?.version === 'string' ? value.version : '',
    napiVersions: Array.isArray(versions) ? versions.filter((one) => typeof one === 'number') : [8],
  };
}

/** By the numbers that the formats have for processors. */
const processors = {
  elf: new Map([
    [0x3e, 'x64'],
    [0xb7, 'arm64'],
    [0x28, 'arm'],
    [0x03, 'ia32'],
  ]),
  mach: new Map([
    [0x01000007, 'x64'],
    [0x0100000c, 'arm64'],
  ]),
  windows: new Map([
    [0x8664, 'x64'],
    [0xaa64, 'arm64'],
    [0x014c, 'ia32'],
  ]),
};

/** `linux x64`, by the head of the file, in Node's words; null when it is no library. */
export function systemOf(file: string): string | null {
  const head = headOf(file, 4096);
  if (head.length < 64) return null;
  const magic = head.readUInt32BE(0);
  if (magic === 0x7f454c46) return `linux ${processors.elf.get(head.readUInt16LE(18)) ?? 'of another kind'}`;
  if (magic === 0xcffaedfe) return `darwin ${processors.mach.get(head.readUInt32LE(4)) ?? 'of another kind'}`;
  // several in one file: the system's loader takes its own
  if (magic === 0xcafebabe) return `darwin ${process.arch}`;
  const at = head.readUInt32LE(60);
  if (head.readUInt16BE(0) === 0x4d5a && at + 6 <= head.length && head.readUInt32BE(at) === 0x50450000)
    return `win32 ${processors.windows.get(head.readUInt16LE(at + 4)) ?? 'of another kind'}`;
  return null;
}

function headOf(file: string, bytes: number): Buffer {
  const head = Buffer.alloc(bytes);
  const descriptor = openSync(file, 'r');
  try {
    return head.subarray(0, readSync(descriptor, head, 0, bytes, 0));
  } finally {
    closeSync(descriptor);
  }
}
