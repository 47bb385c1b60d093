/** The order in which plain TF.js makes the calls of a Functional model again when it loads it. */

/** A call as far as its order matters. `reads`: indices into the list of calls; InputLayers, which are there at once, are not in it. */
export interface OrderedCall {
  /** Index of its layer in the config's list. */
  layer: number;
  reads: number[];
}

/**
 * TF.js goes over the layers again and again and makes each call whose inputs exist; a call that must wait is overtaken
 * by a later one of the same layer, and every reference to it then means the other call (`Container.fromConfig`).
 * So the calls of one layer must be written in the order in which TF.js will make them.
 *
 * @param calls in execution order.
 * @returns for each call its index among those of its layer, or null where no order is stable.
 */
export function callIndices(calls: readonly OrderedCall[], layers: number): number[] | null {
  let queues: number[][] = Array.from({ length: layers }, () => []);
  calls.forEach((call, i) => queues[call.layer]?.push(i));
  // A second pass is needed only where a reordering lets another call run earlier.
  for (let attempt = 0; attempt < 8; attempt++) {
    const made = simulate(calls, queues);
    if (!made) return null;
    if (made.every((order, layer) => order.every((call, i) => queues[layer]?.[i] === call))) {
      const indices = new Array<number>(calls.length).fill(0);
      for (const order of made) order.forEach((call, i) => (indices[call] = i));
      return indices;
    }
    queues = made;
  }
  return null;
}

/** Per layer its calls in the order in which TF.js makes them; null when some can never be made. */
function simulate(calls: readonly OrderedCall[], queues: readonly number[][]): number[][] | null {
  const done = new Uint8Array(calls.length);
  const made: number[][] = queues.map(() => []);
  let waiting = queues.map((queue) => [...queue]);
  let left = calls.length;
  while (left > 0) {
    const before = left;
    waiting = waiting.map((queue, layer) =>
      queue.filter((i) => {
        if (!calls[i]?.reads.every((read) => done[read] === 1)) return true;
        done[i] = 1;
        made[layer]?.push(i);
        left -= 1;
        return false;
      }),
    );
    if (left === before) return null;
  }
  return made;
}
