/**
 * Copies whose typed arrays own their memory. A webview gets a Node `Buffer` as a plain object, and with a view into a
 * larger buffer it gets that whole buffer; what comes from the engine process can be either.
 */
export function ownBytes<T>(value: T): T {
  return copy(value) as T;
}

/** The values are ours (pictures, statistics), so their depth is small and known. */
function copy(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return ownView(value);
  if (Array.isArray(value)) return typeof value[0] === 'object' ? value.map(copy) : value;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copy(item)]));
}

function ownView(view: ArrayBufferView): unknown {
  const whole = view.byteOffset === 0 && view.byteLength === view.buffer.byteLength;
  if (whole && !Buffer.isBuffer(view)) return view;
  if (view instanceof Float32Array) return new Float32Array(view);
  return new Uint8Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}
