/**
 * The part of the platform that both a browser and Node have, and that this folder may use.
 * Declared by hand because `lib.dom` and `@types/node` would bring all the rest.
 */
interface AbortSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}
declare class AbortController {
  readonly signal: AbortSignal;
  abort(): void;
}
