export type Made = { folder: string; missing?: undefined } | { folder?: undefined; missing: string };

export function ensureNativeTensorflow(): Promise<Made>;

export function ensureNativeMirror(): Promise<Made>;
