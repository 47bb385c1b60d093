/** The layer catalogue's entry: what Keras says of a call, without loading a weight. */
import { SlicerError } from '../errors';
import { attentionRules } from './attention';
import type { CallContext, LayerFacts } from './catalogue';
import { convolutionRules } from './convolution';
import { coreRules } from './core';
import { mergingRules } from './merging';
import { normalizationRules } from './normalization';
import { poolingRules } from './pooling';
import { preprocessingRules } from './preprocessing';
import { recurrentRules } from './recurrent';
import { reshapingRules } from './reshaping';
import { RuleCall } from './rule';
import type { LayerRule } from './rule';
import { nestedModelRules, wrapperRules } from './wrappers';

const families = [
  coreRules,
  convolutionRules,
  poolingRules,
  normalizationRules,
  mergingRules,
  reshapingRules,
  recurrentRules,
  wrapperRules,
  attentionRules,
  preprocessingRules,
];
const rules: ReadonlyMap<string, LayerRule> = new Map(families.flatMap((family) => Object.entries(family)));
const innerRules: ReadonlyMap<string, LayerRule> = new Map([...rules, ...Object.entries(nestedModelRules)]);

/** Wrappers in wrappers; no real model has more than three. */
const DEEPEST_WRAPPER = 16;

/** Whether the catalogue has the class. Nested models are no layer class: their graph tells everything. */
export function isKnownClass(className: string): boolean {
  return rules.has(className);
}

/**
 * Output shapes and dtypes, weights and MACs of one call.
 * @returns `null` for a class that the catalogue does not have.
 * @throws SlicerError `bad-config` {key, value}; `shape-mismatch` {expected, actual}; `too-deep`.
 */
export function layerFacts(context: CallContext): LayerFacts | null {
  return factsAt(context, 0);
}

function factsAt(context: CallContext, depth: number): LayerFacts | null {
  const rule = (depth === 0 ? rules : innerRules).get(context.className);
  if (rule === undefined) return null;
  if (depth > DEEPEST_WRAPPER) throw new SlicerError('too-deep', { limit: DEEPEST_WRAPPER });
  const { keras } = context;
  const call = new RuleCall(context, ({ className, config }, inputs) =>
    factsAt({ className, config, keras, inputs, args: [], kwargs: {} }, depth + 1),
  );
  const facts = rule(call);
  // Keras 3 keeps a layer's flag in its variables; Keras 2 does not
  const frozen = keras === 3 && call.config.raw('trainable') === false;
  if (!frozen || facts.weights === null) return facts;
  return { ...facts, weights: facts.weights.map((weight) => ({ ...weight, trainable: false })) };
}
