/** A learned vocabulary: the text of its asset, and the config with it as if the layer had been given it. */
import { SlicerError } from '../../core/errors';
import { idfEntry, vocabularyAsset } from '../../core/formats/vocabularies';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/model/json';
import type { ModelFile, WeightEntry } from '../../core/model/modelFile';
import type { WeightValues } from './decodeWeight';

/** A million words have 10 MB. */
export const MAX_VOCABULARY = 64 * 1024 * 1024;

/** What is needed of an opened file. */
export interface AssetSource {
  readonly model: ModelFile;
  readWeight?(entry: WeightEntry): Promise<WeightValues>;
  /** The bytes of `assets/…`. */
  readAsset?(path: string): Promise<Uint8Array>;
}

/** Which layer a vocabulary is of, for messages. */
interface Owner {
  layer: string;
  class: string;
}

/**
 * The layer's config with its vocabulary and its idf weights in it; the same object where there are none to read.
 * @throws SlicerError `bad-config` with `reason: 'vocabulary'`, naming the layer, and what reading throws.
 */
export async function withVocabulary(config: JsonObject, owner: Owner, source: AssetSource): Promise<JsonObject> {
  const member = vocabularyAsset(config);
  if (member === null) return config;
  const { file, weightEntries } = source.model;
  if (!source.readAsset) throw new SlicerError('missing-weight', { file, reason: 'vocabulary', ...owner });
  const bytes = await source.readAsset(member);
  const refuse = (why: string): never => {
    throw new SlicerError('bad-config', { file, reason: 'vocabulary', key: 'vocabulary', ...owner, member, why });
  };
  const vocabulary = wordsOf(bytes, config, owner.class, refuse);
  const idf = idfEntry(config);
  if (idf === null) return { ...config, vocabulary };
  const entry = weightEntries.find(({ name }) => name === idf);
  if (!entry || !source.readWeight) throw new SlicerError('missing-weight', { file, layer: owner.layer, weight: idf });
  const weights = Array.from((await source.readWeight(entry)) as Float32Array);
  if (weights.length < vocabulary.length)
    refuse(`it has ${vocabulary.length} words and idf weights for ${weights.length}`);
  // padded up to `max_tokens` they would not fit the words, as Keras sees it; what is behind them weighs nothing
  return { ...config, vocabulary, idf_weights: weights.slice(0, vocabulary.length) };
}

/**
 * A model's JSON with all vocabularies in it: what stands in another file than its own can only be there.
 * @throws SlicerError as `withVocabulary`.
 */
export async function withVocabularies<T extends JsonObject>(root: T, source: AssetSource): Promise<T> {
  if (learned(root).length === 0) return root;
  const copy = structuredClone(root);
  for (const { config, owner } of learned(copy)) Object.assign(config, await withVocabulary(config, owner, source));
  return copy;
}

/** Configs whose vocabulary stands elsewhere. */
function learned(root: JsonValue): { config: JsonObject; owner: Owner }[] {
  const found: { config: JsonObject; owner: Owner }[] = [];
  const pending: JsonValue[] = [root];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (typeof next !== 'object' || next === null) continue;
    for (const value of Object.values(next)) if (typeof value === 'object') pending.push(value);
    if (Array.isArray(next)) continue;
    const { class_name: className, config } = next;
    if (!isJsonObject(config) || typeof className !== 'string' || vocabularyAsset(config) === null) continue;
    const layer = typeof config.name === 'string' ? config.name : className;
    found.push({ config, owner: { layer, class: className } });
  }
  return found;
}

function wordsOf(
  bytes: Uint8Array,
  config: JsonObject,
  className: string,
  refuse: (why: string) => never,
): JsonValue[] {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return refuse('it is not UTF-8');
  }
  const size = typeof config.vocabulary_size === 'number' ? config.vocabulary_size : null;
  const words = linesOf(text, size);
  if (words.length === 0) return refuse('it is empty');
  const isPadded = config.pad_to_max_tokens === true;
  if (config.output_mode !== 'int' && !isPadded && size !== null && words.length !== size)
    return refuse(`it has ${words.length} words where ${size} are due`);
  // the words for masks and for the unknown stand first, and may be alike
  const isMasked = className === 'TextVectorization' || (config.mask_token ?? null) !== null;
  const masks = isMasked && config.output_mode === 'int' ? 1 : 0;
  const unknown = typeof config.num_oov_indices === 'number' ? config.num_oov_indices : 1;
  const seen = new Set<string>();
  for (const word of words.slice(masks + unknown)) {
    if (seen.has(word)) return refuse(`it holds ${JSON.stringify(word)} twice`);
    seen.add(word);
  }
  if (className !== 'IntegerLookup') return words;
  return words.map((word, i) => {
    const number = /^\s*[+-]?\d+\s*$/.test(word) ? Number(word) : NaN;
    return Number.isSafeInteger(number) ? number : refuse(`line ${i + 1} is no whole number`);
  });
}

/** What Python's `str.splitlines` takes for the end of a line, after `open` has read every kind of newline as `\n`. */
// eslint-disable-next-line no-control-regex -- they are what it splits at
const LINE_ENDS = /[\n\v\f\x1c\x1d\x1e\x85\u2028\u2029]/;

/**
 * Keras writes words joined by newlines and reads them back by `splitlines`, which takes words apart that hold other
 * ends of lines: then the count that the config has tells that they are one.
 */
function linesOf(text: string, size: number | null): string[] {
  const written = text.split('\n');
  if (written.length === size) return written;
  const lines = text.replace(/\r\n?/g, '\n').split(LINE_ENDS);
  while (lines.at(-1) === '') lines.pop();
  return lines;
}
