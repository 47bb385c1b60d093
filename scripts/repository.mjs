// Where things are in this repository.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
/** Things that can be made again and are worth keeping between runs. */
export const cache = path.join(root, '.cache');
export const at = (...parts) => path.join(root, ...parts);
/** Whether this file was started as a program: `isMain(import.meta.url)`. */
export const isMain = (url) => process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(url);
