/** Whose semantics a file has. */
import type { ModelFile } from './modelFile';

/** Major version of the Keras that wrote a file; without one its way of writing tells. */
export function kerasMajor({ producer, repairs }: ModelFile): 2 | 3 {
  if (producer.keras !== null) return Number.parseInt(producer.keras, 10) >= 3 ? 3 : 2;
  return repairs.some(({ code }) => KERAS_3_REPAIRS.has(code)) ? 3 : 2;
}

const KERAS_3_REPAIRS = new Set(['batch-shape', 'inbound-nodes', 'flat-ports']);
