/** Numbers and strings to categories: encoding, bins, hashes, vocabularies, tokens. Read on the CPU: the sizes are small. */
import * as tf from '@tensorflow/tfjs-core';
import { SlicerError } from '../../core/errors';
import { vocabularyAsset } from '../../core/formats/vocabularies';
import type { JsonValue } from '../../core/model/json';
import { floating, sizeAt, type Kernel, type KernelCall, type KernelConfig } from './kernel';
import { farmHash64, joinFingerprints, sipHash64 } from './stringHash';

type Value = number | string;

/**
 * Counts or marks of integers over `depth` classes; what is no class (-1) counts nowhere. Behind the second axis, Keras 3
 * still counts along that one; Keras 2 has no more axes.
 */
function encode(x: tf.Tensor, depth: number, mode: string): tf.Tensor {
  const hot = tf.cast(tf.oneHot(tf.cast(x, 'int32'), depth), 'float32');
  if (mode === 'one_hot') return sizeAt(x, -1) === 1 && x.rank > 1 ? tf.squeeze(hot, [x.rank - 1]) : hot;
  const axis = Math.min(1, x.rank - 1);
  return mode === 'count' || mode === 'tf_idf' ? tf.sum(hot, axis) : tf.max(hot, axis);
}

const categoryEncoding: Kernel = {
  run(call) {
    const { config } = call;
    const [depth, mode] = [config.integer('num_tokens'), config.text('output_mode', 'multi_hot')];
    const weights = call.named('count_weights');
    if (mode !== 'count' || !(weights instanceof tf.Tensor)) return encode(call.input(), depth, mode);
    const x = call.input();
    const hot = tf.cast(tf.oneHot(tf.cast(x, 'int32'), depth), 'float32');
    return tf.sum(tf.mul(hot, tf.expandDims(floating(weights), -1)), Math.min(1, x.rank - 1));
  },
  mask: 'drop',
};

/** The number of boundaries that are not above the value. */
const discretization: Kernel = {
  run(call) {
    const { config } = call;
    const x = floating(call.input());
    const boundaries = config.raw('bin_boundaries') as number[];
    const bins = boundaries.reduce<tf.Tensor>(
      (sum, boundary) => tf.add(sum, tf.cast(tf.greaterEqual(x, boundary), 'int32')),
      tf.zeros(x.shape, 'int32'),
    );
    const mode = config.text('output_mode', 'int');
    return mode === 'int' ? bins : encode(bins, boundaries.length + 1, mode);
  },
  mask: 'drop',
  refuses: (config) => (Array.isArray(config.raw('bin_boundaries')) ? null : 'no bin boundaries'),
};

function valuesOf(x: tf.Tensor): Value[] {
  return Array.from(x.dataSync() as unknown as ArrayLike<Value>);
}

const encoder = new TextEncoder();

/** Numbers are hashed as their decimal digits. */
function bytesOf(value: Value): Uint8Array {
  return encoder.encode(typeof value === 'string' ? value : String(Math.trunc(value)));
}

type Bucket = (value: Value, count: number) => number;

/** FarmHash, or SipHash under a salt of one or two numbers. */
function bucketOf(salt: JsonValue | undefined): Bucket {
  const key = (Array.isArray(salt) ? salt : [salt, salt]).map((part) =>
    typeof part === 'number' && Number.isInteger(part) ? BigInt(part) : null,
  );
  const [k0, k1] = key;
  return (value, count) => {
    const bytes = bytesOf(value);
    const hash = typeof k0 === 'bigint' && typeof k1 === 'bigint' ? sipHash64(bytes, [k0, k1]) : farmHash64(bytes);
    return Number(hash % BigInt(count));
  };
}

const hashing: Kernel = {
  run(call) {
    const { config } = call;
    const x = call.input();
    const depth = config.integer('num_bins');
    const bucket = bucketOf(config.raw('salt'));
    const masked = config.lacks('mask_value') || depth === 1 ? null : (config.raw('mask_value') as Value);
    const bins = valuesOf(x).map((value) => {
      if (masked === null) return bucket(value, depth);
      return value === masked ? 0 : bucket(value, depth - 1) + 1;
    });
    return asMode(tf.tensor(bins, x.shape, 'int32'), depth, config);
  },
  mask: 'drop',
};

function asMode(indices: tf.Tensor, depth: number, config: KernelConfig): tf.Tensor {
  const mode = config.text('output_mode', 'int');
  return mode === 'int' ? indices : encode(indices, depth, mode);
}

/** The key that `tf.sparse.cross_hashed` starts from. */
const CROSSING_KEY = 0xdecafcaffen;

/** Columns of one value for each sample: numbers as they are, strings by their fingerprint. */
const hashedCrossing: Kernel = {
  run(call) {
    const { config } = call;
    const depth = config.integer('num_bins');
    const columns = call.inputs.map(valuesOf);
    const fingerprint = (value: Value): bigint =>
      typeof value === 'string' ? farmHash64(encoder.encode(value)) : BigInt.asUintN(64, BigInt(Math.trunc(value)));
    const bins = (columns[0] ?? []).map((_, row) => {
      const joined = columns.reduce(
        (hash, column) => joinFingerprints(hash, fingerprint(column[row] ?? 0)),
        CROSSING_KEY,
      );
      return Number(joined % BigInt(depth));
    });
    return asMode(tf.tensor(bins, call.input().shape, 'int32'), depth, config);
  },
  mask: 'drop',
};

/** The vocabulary that the config holds; null when it was learned and stands elsewhere, or nowhere. */
function vocabularyOf(config: KernelConfig): Value[] | null {
  const given = config.raw('vocabulary');
  const isWord = (word: JsonValue): word is Value => typeof word === 'string' || typeof word === 'number';
  return Array.isArray(given) && given.every(isWord) ? given : null;
}

/** One that stands in a file of its own is read before the layer runs. */
const withoutVocabulary = (config: KernelConfig): string | null =>
  vocabularyAsset(config.config) !== null
    ? null
    : typeof config.raw('vocabulary') === 'string'
      ? 'its vocabulary is in a file outside of the model, which is never read'
      : vocabularyOf(config) === null
        ? 'the file does not hold its vocabulary'
        : config.text('output_mode', 'int') === 'tf_idf' && !Array.isArray(config.raw('idf_weights'))
          ? 'the file does not hold its idf weights'
          : null;

interface Lookup {
  /** The index of each word; null where Keras would refuse it. */
  indexOf(word: Value): number;
  /** Tokens in the order of their indices, from `start`. */
  tokens: Value[];
  start: number;
  /** How many indices there are. */
  size: number;
  weights: number[] | null;
}

interface LookupRules {
  mask: Value | null;
  oov: JsonValue;
  oovCount: number;
  bucket: Bucket;
}

function lookupOf(config: KernelConfig, rules: LookupRules): Lookup {
  const { mask, oov, oovCount, bucket } = rules;
  const isInt = config.text('output_mode', 'int') === 'int';
  const oovStart = mask !== null && isInt ? 1 : 0;
  const start = oovStart + oovCount;
  const given = vocabularyOf(config) ?? [];
  const special = [...Array<JsonValue>(oovStart).fill(mask), ...Array<JsonValue>(oovCount).fill(oov)];
  const found = special.length === start && start > 0 && special.every((token, i) => token === given[i]);
  const tokens = found ? given.slice(start) : given;
  const indices = new Map(tokens.map((token, i) => [token, start + i]));
  const size = start + tokens.length;
  const unknown = (word: Value): number => {
    if (oovCount === 0) throw new SlicerError('bad-config', { key: 'num_oov_indices', value: oovCount, word });
    return oovStart + (oovCount === 1 ? 0 : bucket(word, oovCount));
  };
  // a masked word has the index 0, and counts nowhere
  const indexOf = (word: Value): number => (word === mask ? (isInt ? 0 : -1) : (indices.get(word) ?? unknown(word)));
  return { indexOf, tokens, start, size, weights: idfWeights(config, found ? 0 : start) };
}

/** Words before the vocabulary's first weigh the average, what is behind its last nothing. */
function idfWeights(config: KernelConfig, before: number): number[] | null {
  const given = config.raw('idf_weights');
  if (config.text('output_mode', 'int') !== 'tf_idf' || !Array.isArray(given)) return null;
  const weights = given.map(Number);
  const average = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
  return [...Array<number>(before).fill(average), ...weights];
}

/** Indices as the config's output mode wants them. */
function lookedUp(indices: tf.Tensor, { size, weights }: Lookup, config: KernelConfig): tf.Tensor {
  const depth =
    config.flag('pad_to_max_tokens', false) && !config.lacks('max_tokens') ? config.integer('max_tokens') : size;
  const encoded = asMode(indices, depth, config);
  if (weights === null) return encoded;
  return tf.mul(encoded, tf.tensor1d(Array.from({ length: depth }, (_, i) => weights[i] ?? 0)));
}

function lookupRules(config: KernelConfig, isText: boolean): LookupRules {
  const masked = config.raw('mask_token');
  const hashes = isText || config.text('oov_method', 'floormod') === 'farmhash';
  const remainder: Bucket = (word, count) => ((Number(word) % count) + count) % count;
  return {
    mask: typeof masked === 'string' || typeof masked === 'number' ? masked : null,
    oov: config.raw('oov_token') ?? null,
    oovCount: config.integer('num_oov_indices', 1, 0),
    bucket: hashes ? bucketOf(config.raw('salt')) : remainder,
  };
}

function indexLookup(isText: boolean): Kernel {
  return {
    run(call) {
      const { config } = call;
      const x = call.input();
      const rules = lookupRules(config, isText);
      const lookup = lookupOf(config, rules);
      const words = valuesOf(x);
      if (!config.flag('invert', false)) {
        return lookedUp(tf.tensor(words.map(lookup.indexOf), x.shape, 'int32'), lookup, config);
      }
      const { tokens, start } = lookup;
      const term = (index: Value): Value =>
        index === 0 && rules.mask !== null ? rules.mask : (tokens[Number(index) - start] ?? (rules.oov as Value));
      return tf.tensor(words.map(term), x.shape, isText ? 'string' : 'int32');
    },
    mask: 'drop',
    refuses: withoutVocabulary,
  };
}

/** What Keras takes out of a text: ASCII only. */
const PUNCTUATION = /[!"#$%&()*+,\-./:;<=>?@[\\\]^_`{|}~']/g;

/** `tf.strings.lower` without an encoding changes ASCII letters only. */
function standardize(text: string, how: JsonValue | undefined): string {
  const lower = how === 'lower' || how === 'lower_and_strip_punctuation';
  const bare = how === 'strip_punctuation' || how === 'lower_and_strip_punctuation';
  const lowered = lower ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
  return bare ? lowered.replace(PUNCTUATION, '') : lowered;
}

function split(text: string, how: JsonValue | undefined): string[] {
  if (how === 'character') return [...text];
  // ASCII white space, as TensorFlow splits
  return how === 'whitespace' ? text.split(/[ \t\n\v\f\r]+/).filter((word) => word !== '') : [text];
}

/** Runs of one up to `ngrams` words, or of the lengths that are listed, in TensorFlow's order. */
function grams(words: string[], widths: number[]): string[] {
  return widths.flatMap((width) =>
    Array.from({ length: Math.max(0, words.length - width + 1) }, (_, i) => words.slice(i, i + width).join(' ')),
  );
}

const textVectorization: Kernel = {
  run(call) {
    const { config } = call;
    const lookup = lookupOf(config, { mask: '', oov: '[UNK]', oovCount: 1, bucket: () => 0 });
    const rows = tokensOf(call).map((words) => words.map(lookup.indexOf));
    const isInt = config.text('output_mode', 'int') === 'int';
    const longest = rows.reduce((most, row) => Math.max(most, row.length), 0);
    const length =
      isInt && !config.lacks('output_sequence_length') ? config.integer('output_sequence_length') : longest;
    const filler = isInt ? 0 : -1;
    const padded = rows.flatMap((row) => Array.from({ length }, (_, i) => row[i] ?? filler));
    return lookedUp(tf.tensor(padded, [rows.length, length], 'int32'), lookup, config);
  },
  mask: 'drop',
  refuses: (config) => {
    const custom = ['standardize', 'split'].find((key) => !config.lacks(key) && typeof config.raw(key) !== 'string');
    return custom === undefined ? withoutVocabulary(config) : `its ${custom} is a Python function`;
  },
};

function tokensOf(call: KernelCall): string[][] {
  const { config } = call;
  const [how, splitting] = [config.raw('standardize'), config.raw('split')];
  const texts = valuesOf(call.input()).map((text) => standardize(String(text), how));
  // without splitting, the last axis holds the words already
  const width = config.lacks('split') && call.input().rank > 1 ? sizeAt(call.input(), -1) : 1;
  const rows = Array.from({ length: texts.length / width }, (_, i) =>
    texts.slice(i * width, (i + 1) * width).flatMap((text) => split(text, splitting)),
  );
  const widths = config.list('ngrams');
  if (widths === null) return rows;
  const all = Array.isArray(config.raw('ngrams')) ? widths : Array.from({ length: widths[0] ?? 1 }, (_, i) => i + 1);
  return rows.map((words) => grams(words, all));
}

export const categoryKernels: Record<string, Kernel> = {
  CategoryEncoding: categoryEncoding,
  Discretization: discretization,
  Hashing: hashing,
  HashedCrossing: hashedCrossing,
  IntegerLookup: indexLookup(false),
  StringLookup: indexLookup(true),
  TextVectorization: textVectorization,
};
