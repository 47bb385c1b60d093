/** Activations of a kept run as files, one tensor in memory at a time. */
import path from 'node:path';
import { SlicerError } from '../../core/errors';
import type { Picture, Progress } from '../../protocol/engine';
import { AtomicFolder } from '../files/atomicFolder';
import { writeNpy } from '../files/npy';
import { NpzWriter } from '../files/npzWriter';
import { emptyPicture } from '../previews/draw';
import { encodePng } from '../previews/encodePng';
import { makePreview } from '../previews/preview';
import type { KeptTensor } from './keptTensors';

export interface ExportOptions {
  /** A file that ends in `.npz`, or a folder for `.npy` files. */
  target: string;
  /** In the order of the run, each once. */
  addresses: string[];
  /** Hands all of them over in this order, one after the other. */
  each(visit: (tensor: KeptTensor) => Promise<void>): Promise<void>;
  /** Pictures of the first example, too; beside an `.npz` in a folder of its name. */
  png: boolean;
  force: boolean;
  signal: { readonly aborted: boolean };
  onProgress(progress: Progress): void;
}

/** @returns the files written (absolute) and their bytes. @throws SlicerError `target-exists`, `write-failed`, `cancelled`. */
export async function exportActivations(options: ExportOptions): Promise<{ files: string[]; bytes: number }> {
  const names = fileNames(options.addresses);
  if (!options.target.toLowerCase().endsWith('.npz')) return writeFolder(options, options.target, names, true);
  const written = await writeNpz(options);
  if (!options.png) return written;
  const pictures = await writeFolder(options, options.target.slice(0, -'.npz'.length), names, false);
  return { files: [...written.files, ...pictures.files], bytes: written.bytes + pictures.bytes };
}

async function writeNpz({
  target,
  addresses,
  each,
  force,
  signal,
  onProgress,
}: ExportOptions): Promise<{ files: string[]; bytes: number }> {
  const writer = await NpzWriter.create(target, { force });
  try {
    let done = 0;
    await each(async (tensor) => {
      const { address, shape, dtype, values } = numeric(tensor);
      if (values) await writer.add(address, values, shape, dtype === 'bool');
      done += 1;
      onProgress({ done, total: addresses.length, at: address });
      if (signal.aborted) throw new SlicerError('cancelled');
    });
    return await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

async function writeFolder(
  { addresses, each, png, force, signal, onProgress }: ExportOptions,
  folder: string,
  names: string[],
  arrays: boolean,
): Promise<{ files: string[]; bytes: number }> {
  const planned = names.flatMap((name) => [...(arrays ? [`${name}.npy`] : []), ...(png ? [`${name}.png`] : [])]);
  const output = await AtomicFolder.open(folder, planned, { force, protect: [] });
  const files: string[] = [];
  let bytes = 0;
  const write = async (name: string, content: Uint8Array): Promise<void> => {
    await (await output.create(name)).write(content);
    files.push(path.join(folder, name));
    bytes += content.length;
  };
  try {
    let done = 0;
    await each(async (kept) => {
      const { shape, dtype, values } = numeric(kept);
      const name = names[done] as string;
      if (values && arrays) await write(`${name}.npy`, writeNpy(values, shape, dtype === 'bool'));
      const picture = values && png ? pictureOf(kept, values) : null;
      if (picture) await write(`${name}.png`, encodePng(picture));
      done += 1;
      onProgress({ done, total: addresses.length, at: kept.address });
      if (signal.aborted) throw new SlicerError('cancelled');
    });
    await output.commit();
  } catch (error) {
    await output.abort();
    throw error;
  }
  return { files, bytes };
}

type Numbers = Float32Array | Int32Array | Uint8Array;

/** Strings have no npy that everybody reads: they are left out. */
function numeric(tensor: KeptTensor): { address: string; shape: number[]; dtype: string; values: Numbers | null } {
  const values = tensor.values();
  const { address, shape, dtype } = tensor;
  return { address, shape, dtype, values: Array.isArray(values) ? null : values };
}

/** Names that every file system takes; addresses that would meet get a number. */
function fileNames(addresses: readonly string[]): string[] {
  const taken = new Set<string>();
  return addresses.map((address) => {
    const base =
      address
        .replace(/[^A-Za-z0-9._-]+/g, '_')
        .replace(/^\.+/, '_')
        .slice(0, 120) || '_';
    let name = base;
    // Windows and macOS do not tell cases apart
    for (let i = 2; taken.has(name.toLowerCase()); i++) name = `${base}_${i}`;
    taken.add(name.toLowerCase());
    return name;
  });
}

const gridTiles = 256;

/** Heatmaps as they are, channels as a grid; null for what has no picture. */
function pictureOf(tensor: KeptTensor, values: Numbers): Picture | null {
  const layout = tensor.channelAxis === 1 ? 'channels_first' : 'channels_last';
  const options = {
    colorMap: 'auto',
    scale: 'channel',
    example: 0,
    offset: 0,
    limit: gridTiles,
    layout,
    labels: null,
  } as const;
  const { preview } = makePreview(values, tensor.shape, tensor.dtype, options);
  if (preview.kind === 'heatmap') return preview.picture;
  if (preview.kind !== 'channels' && preview.kind !== 'matrix') return null;
  return grid(preview.tiles.map(({ picture }) => picture));
}

function grid(tiles: Picture[]): Picture | null {
  const [first] = tiles;
  if (!first) return null;
  const columns = Math.ceil(Math.sqrt(tiles.length));
  const rows = Math.ceil(tiles.length / columns);
  const gap = tiles.length > 1 ? 1 : 0;
  const { picture } = emptyPicture(columns * (first.width + gap) - gap, rows * (first.height + gap) - gap);
  tiles.forEach((tile, i) => {
    const left = (i % columns) * (first.width + gap);
    const top = Math.floor(i / columns) * (first.height + gap);
    for (let y = 0; y < tile.height; y++) {
      const row = tile.rgba.subarray(y * tile.width * 4, (y + 1) * tile.width * 4);
      picture.rgba.set(row, ((top + y) * picture.width + left) * 4);
    }
  });
  return picture;
}
