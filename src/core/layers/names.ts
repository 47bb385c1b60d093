/** Names of layers inside layers, as Keras gives them. */
import type { NestedLayer } from './configReader';

/** The name that Keras gives a layer of a class: `SimpleRNNCell` → `simple_rnn_cell`. */
export function defaultName(className: string): string {
  return className
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z0-9]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

/** The name in the config, else the class's. */
export function layerName({ className, config }: NestedLayer): string {
  const name = Object.hasOwn(config, 'name') ? config.name : undefined;
  return typeof name === 'string' ? name : defaultName(className);
}
