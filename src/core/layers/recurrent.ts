/** Recurrent layers and their cells. MACs: steps × gates × (in + units) × units. */
import type { DType, Dim, Shape, TensorInfo } from '../model/layerGraph';
import type { LayerFacts, WeightSpec } from './catalogue';
import { ConfigReader } from './configReader';
import type { NestedLayer } from './configReader';
import { dtypePolicy } from './dtypes';
import { defaultName, layerName } from './names';
import type { LayerRule, RuleCall, Variable } from './rule';
import { below, weightSpecs } from './rule';
import { convLength, joinSpatial, ofRank, product, splitSpatial, sum } from './shapes';

/** What one step of a cell needs. */
interface CellFacts {
  weights: WeightSpec[] | null;
  /** Lengths of the states that it carries on; the first is also its output unless it is stacked. */
  states: Dim[];
  output: Dim;
  /** Multiply-accumulates of one step. */
  macs: number | null;
}

const GATES: Record<string, number> = { SimpleRNN: 1, GRU: 3, LSTM: 4 };
const CELL_KINDS: Record<string, string> = { SimpleRNNCell: 'SimpleRNN', GRUCell: 'GRU', LSTMCell: 'LSTM' };

/** A SimpleRNN, GRU or LSTM cell that reads `depth` values a step. */
function gatedCell(kind: string, { config, keras }: { config: ConfigReader; keras: 2 | 3 }, depth: Dim): CellFacts {
  const units = config.integer('units');
  const gates = GATES[kind] ?? 1;
  const width = product(gates, units);
  const variables: Variable[] = [
    { name: 'kernel', shape: [depth, width] },
    { name: 'recurrent_kernel', shape: [units, width] },
  ];
  if (config.flag('use_bias', true)) {
    // files without the key are older than `reset_after`
    const twoBiases = kind === 'GRU' && config.flag('reset_after', keras === 3);
    variables.push({ name: 'bias', shape: twoBiases ? [2, width] : [width] });
  }
  return {
    weights: weightSpecs(variables, dtypePolicy(config.config)),
    states: kind === 'LSTM' ? [units, units] : [units],
    output: units,
    macs: product(gates, sum(depth, units), units),
  };
}

/** A cell of a generic `RNN`, stacked ones included; `null` for an unknown class. */
function cellFacts(cell: NestedLayer, depth: Dim, keras: 2 | 3): CellFacts | null {
  const config = new ConfigReader(cell.config);
  if (cell.className === 'StackedRNNCells') return stackedCells(config.layers('cells'), depth, keras);
  const kind = Object.hasOwn(CELL_KINDS, cell.className) ? CELL_KINDS[cell.className] : undefined;
  return kind === undefined ? null : gatedCell(kind, { config, keras }, depth);
}

function stackedCells(cells: NestedLayer[], depth: Dim, keras: 2 | 3): CellFacts | null {
  const total: CellFacts = { weights: [], states: [], output: depth, macs: 0 };
  for (const cell of cells) {
    // stacked cells in stacked cells do not occur, and their depth would be the file's choice
    const facts = cell.className === 'StackedRNNCells' ? null : cellFacts(cell, total.output, keras);
    if (facts === null) return null;
    const weights = below(layerName(cell), facts.weights);
    total.weights = total.weights === null || weights === null ? null : [...total.weights, ...weights];
    total.states = [...total.states, ...facts.states];
    total.macs = sum(total.macs, facts.macs);
    total.output = facts.output;
  }
  return total;
}

interface Sequence {
  batch: Dim;
  steps: Dim;
  /** The shape of one step without the batch. */
  step: Shape;
  timeMajor: boolean;
}

function sequenceOf(call: RuleCall, rank: number | null): Sequence | null {
  const { shape } = call;
  if (shape === null) return null;
  if (rank !== null) ofRank(shape, rank);
  const timeMajor = call.config.flag('time_major', false);
  const [first = null, second = null, ...step] = shape;
  return timeMajor
    ? { batch: second, steps: first, step, timeMajor }
    : { batch: first, steps: second, step, timeMajor };
}

/** The outputs of a recurrent layer: the sequence or its last step, then the states if asked for. */
function outputsOf(
  call: RuleCall,
  sequence: Sequence | null,
  output: readonly Dim[] | null,
  states: readonly (readonly Dim[])[],
): TensorInfo[] {
  const dtype: DType = call.computed;
  const batch = sequence?.batch ?? null;
  const steps = sequence?.steps ?? null;
  const prefix = sequence?.timeMajor === true ? [steps, batch] : [batch, steps];
  const known = sequence !== null && output !== null;
  const shape = !known
    ? null
    : call.config.flag('return_sequences', false)
      ? [...prefix, ...output]
      : [batch, ...output];
  const outputs: TensorInfo[] = [{ shape, dtype }];
  if (!call.config.flag('return_state', false)) return outputs;
  return [...outputs, ...states.map((state) => ({ shape: known ? [batch, ...state] : null, dtype }))];
}

/** Input: `[batch, steps, in]`. Output: `[batch, units]` or `[batch, steps, units]`, then the states. */
function recurrent(kind: string): LayerRule {
  return (call) => {
    const sequence = sequenceOf(call, 3);
    const cell = gatedCell(kind, call, sequence?.step[0] ?? null);
    // the inner cell has no config of its own: its name is the class's
    return {
      outputs: outputsOf(
        call,
        sequence,
        [cell.output],
        cell.states.map((state) => [state]),
      ),
      weights: below(defaultName(`${kind}Cell`), cell.weights),
      macs: product(sequence?.steps ?? null, cell.macs),
    };
  };
}

/** `RNN` with a cell, or a list of cells, from its config. */
function genericRecurrent(call: RuleCall): LayerFacts {
  const several = Array.isArray(call.config.raw('cell'));
  const cell: NestedLayer | null = several
    ? { className: 'StackedRNNCells', config: { name: 'stacked_rnn_cells', cells: call.config.raw('cell') ?? [] } }
    : call.config.layer('cell');
  if (cell === null) throw call.config.bad('cell');
  const sequence = sequenceOf(call, null);
  const step = sequence !== null && sequence.step.length === 1 ? (sequence.step[0] ?? null) : null;
  const facts = cellFacts(cell, step, call.keras);
  if (facts === null) return { outputs: outputsOf(call, null, null, []), weights: null, macs: null };
  return {
    outputs: outputsOf(
      call,
      sequence,
      [facts.output],
      facts.states.map((state) => [state]),
    ),
    weights: below(layerName(cell), facts.weights),
    macs: product(sequence?.steps ?? null, facts.macs),
  };
}

/** Input: `[batch, steps, …spatial, in]`. The recurrent convolution always keeps the size. */
function convLstm(rank: number): LayerRule {
  return (call) => {
    const { config, channelsFirst } = call;
    const filters = config.integer('filters');
    const kernel = config.integers('kernel_size', rank);
    const strides = config.integers('strides', rank, 1);
    const dilation = config.integers('dilation_rate', rank, 1);
    const padding = config.choice('padding', ['valid', 'same'], 'valid');
    const sequence = sequenceOf(call, rank + 3);
    const input = sequence === null ? null : splitSpatial([null, ...sequence.step], rank, channelsFirst);
    const channels = input?.channels ?? null;
    const spatial =
      input?.spatial.map((length, i) =>
        convLength(length, kernel[i] ?? 1, strides[i] ?? 1, dilation[i] ?? 1, padding),
      ) ?? null;
    const variables: Variable[] = [
      { name: 'kernel', shape: [...kernel, channels, 4 * filters] },
      { name: 'recurrent_kernel', shape: [...kernel, filters, 4 * filters] },
    ];
    if (config.flag('use_bias', true)) variables.push({ name: 'bias', shape: [4 * filters] });
    const weights = weightSpecs(variables, call.policy);
    const state = spatial === null ? [] : joinSpatial({ leading: [], spatial, channels: filters }, channelsFirst);
    return {
      outputs: outputsOf(call, sequence, state, [state, state]),
      // Keras 2 names the variables after the layer alone
      weights: call.keras === 2 ? weights : below('conv_lstm_cell', weights),
      macs: product(sequence?.steps ?? null, 4, ...(spatial ?? [null]), ...kernel, sum(channels, filters), filters),
    };
  };
}

export const recurrentRules: Record<string, LayerRule> = {
  SimpleRNN: recurrent('SimpleRNN'),
  GRU: recurrent('GRU'),
  LSTM: recurrent('LSTM'),
  RNN: genericRecurrent,
  ConvLSTM1D: convLstm(1),
  ConvLSTM2D: convLstm(2),
  ConvLSTM3D: convLstm(3),
};
