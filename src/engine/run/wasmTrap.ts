/** What a WebAssembly module that failed looks like. */

/** `memory access out of bounds`, `unreachable`, `Aborted(…)`: thrown here, or the cause of what was thrown. */
export function isWasmTrap(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if (at.name === 'RuntimeError') return true;
  }
  return false;
}

/** Stands for a failure that WebAssembly did not report. */
export function silentTrap(message: string): Error {
  return Object.assign(new Error(message), { name: 'RuntimeError' });
}
