/** h5wasm's WebAssembly module, whose low level has no typings of its own path; `hdf5Module.ts` says what is used of it. */
declare module '*/h5wasm/dist/esm/hdf5_util.js' {
  // eslint-disable-next-line no-restricted-syntax -- the module's own way
  export default function createModule(options?: object): Promise<unknown>;
}
