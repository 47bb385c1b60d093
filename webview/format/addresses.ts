/** Addresses for eyes; what is copied or sent is the address itself. */

import { plainText } from '../../src/core/messageText';

/** Longer ones lose their beginning: the end tells them apart. */
const longest = 44;

/** Slashes that belong to a name stand as they are, as every node of a graph-model has them. */
export function shownAddress(address: string): string {
  return plainText(address.replace(/\\\//g, '/'));
}

/** The same on a line that holds others, too: `…/squeeze_expand_1/Relu6`. */
export function shortAddress(address: string): string {
  const shown = shownAddress(address);
  if (shown.length <= longest) return shown;
  const end = shown.slice(1 - longest);
  const slash = end.indexOf('/');
  return `…${slash >= 0 && slash < end.length / 2 ? end.slice(slash) : end}`;
}
