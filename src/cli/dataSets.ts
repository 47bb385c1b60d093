/** `--data [NAME=]SPEC …` → sets of inputs, each of them a proof of its own. */
import type { InputSpec } from '../protocol/engine';
import { inputSpecs, type InputOptions } from './inputSpecs';

export interface DataOptions extends Omit<InputOptions, 'input'> {
  data?: string[];
}

type Inputs = readonly { name: string; address: string }[];

/**
 * A model with one input: each SPEC is a set. With several: `NAME=SPEC` fills a set and a name that it has already begins
 * the next; zeros, ones, random and an .npz or .json with an array for each input are a set by themselves; another file
 * without a name goes to the next input that has none. What is left of a set is random, and so is the only set where
 * nothing is given.
 * @throws SlicerError `bad-input`, `usage`.
 */
export function dataSets(inputs: Inputs, options: DataOptions): [InputSpec[], ...InputSpec[][]] {
  const [first = [], ...others] = grouped(inputs, options.data ?? []);
  const specs = (input: string[]): InputSpec[] => inputSpecs(inputs, { ...options, input });
  return [specs(first), ...others.map(specs)];
}

/** The texts of each set. */
function grouped(inputs: Inputs, texts: readonly string[]): string[][] {
  const [firstInput] = inputs;
  if (!firstInput || inputs.length === 1) return texts.map((text) => [text]);
  const sets: string[][] = [];
  /** Inputs that the last set has; null where nothing more goes into it. */
  let filled: Set<string> | null = null;
  for (const text of texts) {
    const named = inputs.find(({ name, address }) => text.startsWith(`${name}=`) || text.startsWith(`${address}=`));
    if (!named && servesAll(text)) {
      sets.push(isMade(text) ? inputs.map(({ name }) => `${name}=${text}`) : [text]);
      filled = null;
      continue;
    }
    // what names an input that is not there is refused when the set is read
    const { name } = named ?? inputs.find((input) => !filled?.has(input.name)) ?? firstInput;
    if (filled && !filled.has(name)) sets.at(-1)?.push(text);
    else {
      sets.push([text]);
      filled = new Set();
    }
    filled.add(name);
  }
  return sets;
}

function servesAll(text: string): boolean {
  return isMade(text) || /\.(npz|json)$/i.test(text);
}

function isMade(text: string): boolean {
  return /^(zeros|ones|random(:\d+)?)$/.test(text);
}
