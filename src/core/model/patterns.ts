/** Patterns for several layers at once: an address, a glob (`block_*_relu`), `/regex/`, or `class:Conv2D`. */
import { SlicerError } from '../errors';
import { resolveAddress } from './address';
import type { LayerGraph } from './layerGraph';
import { safeRegExp } from './safeRegExp';
import { expandCalls } from './traversal';

/**
 * @returns canonical addresses of the first output of every call that matches, in execution order; an address gives
 * itself, output index included. Globs and expressions are tried on the layer's name and on its whole address.
 * @throws SlicerError `unknown-address` for an address that is none; `usage` for an expression that cannot be used.
 */
export function matchPattern(graph: LayerGraph, pattern: string): string[] {
  const matches = matcher(pattern);
  if (!matches) return [resolveAddress(graph, pattern).address];
  return expandCalls(graph)
    .filter(({ address, layer }) => matches(layer.name, address, layer.className))
    .map(({ address }) => address);
}

type Matcher = (name: string, address: string, className: string) => boolean;

function matcher(pattern: string): Matcher | null {
  const className = /^class:(.+)$/.exec(pattern)?.[1];
  if (className !== undefined) {
    const glob = globExpression(className);
    return (_name, _address, own) => glob.test(own) || glob.test(own.slice(own.lastIndexOf('>') + 1));
  }
  const source = /^\/(.+)\/([iu]*)$/.exec(pattern);
  if (source) {
    const expression = safeRegExp(source[1] ?? '', source[2] ?? '');
    if (!expression) throw new SlicerError('usage', { reason: 'expression', pattern });
    return (name, address) => expression.test(name.slice(0, 500)) || expression.test(address.slice(0, 500));
  }
  if (!/[*?]/.test(pattern)) return null;
  const glob = globExpression(pattern);
  return (name, address) => glob.test(name) || glob.test(address);
}

/** `*` stays inside one name, `**` crosses slashes, `?` is one character. */
function globExpression(glob: string): RegExp {
  const source = glob.replace(/\*\*+|[*?]|[.+^${}()|[\]\\]/g, (token) => {
    if (token.startsWith('**')) return '[^]*';
    if (token === '*') return '[^/]*';
    if (token === '?') return '[^/]';
    return `\\${token}`;
  });
  // neighbours that match the same would make the search explode
  return new RegExp(`^${source.replace(/(\[\^\/?\]\*)(?:\[\^\/?\]\*)+/g, '$1')}$`, 'u');
}
