/** Marks, the slice that they plan, and its proof. */
import { l10n } from 'vscode';
import { SlicerError } from '../../core/errors';
import { formatAddress, resolveAddress } from '../../core/model/address';
import type { LayerGraph } from '../../core/model/layerGraph';
import { closeCut, tensorsReadBy } from '../../core/slicing/closeCut';
import { ownFormat } from '../../core/slicing/sliceFormat';
import { planCut } from '../../core/slicing/sliceModel';
import type { Cut, SlicePlan } from '../../core/slicing/slice';
import type { InputSpec, Progress, VerifyResult } from '../../protocol/engine';
import type { Mark, SliceState } from '../../protocol/viewer';
import { errorSentence, isCancelled } from '../sentences';
import type { DocumentContext } from './documentContext';
import { shapesAt } from './markedShapes';
import { MarkHistory, type PlacedMark, type ShapesAt } from './markHistory';

/** Several marks set one after the other are proven once. */
const SETTLE_MS = 300;

/** What a proof is made with instead of the editor's input, and on what instead of the slice as it would be saved. */
export interface ProofOptions {
  data?: InputSpec[][];
  slicePath?: string;
}

export class CutSession {
  private history = new MarkHistory();
  private marks: Mark[] = [];
  private wanted: Cut | null = null;
  private plan: SlicePlan | null = null;
  private planError: string | null = null;
  private verification: SliceState['verification'] = { state: 'none' };
  private proof: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly context: DocumentContext,
    private readonly inputs: () => InputSpec[],
  ) {}

  get state(): SliceState {
    const { canUndo, canRedo } = this.history;
    return {
      marks: this.marks,
      canUndo,
      canRedo,
      plan: this.plan,
      planError: this.planError,
      verification: this.verification,
    };
  }

  get placed(): readonly PlacedMark[] {
    return this.history.current;
  }

  /** What the marks that still fit ask for; null when there are none. */
  get cut(): Cut | null {
    return this.wanted;
  }

  restore(marks: readonly PlacedMark[]): void {
    this.history = new MarkHistory([...marks]);
    this.replan();
  }

  /** @throws SlicerError `unknown-address`, `usage` for a start that reads nothing; then nothing is marked. */
  toggle(addresses: readonly string[], kind: Mark['kind']): void {
    if (this.history.toggle(this.canonical(addresses, kind), kind, this.shapesAt())) this.changed();
  }

  /** These outputs and nothing else, in one step. @throws SlicerError `unknown-address`. */
  setOutputs(addresses: readonly string[]): void {
    const all = ['output', 'start', 'input'] as const;
    if (this.history.exchange(all, this.canonical(addresses, 'output'), 'output', this.shapesAt())) this.changed();
  }

  /** As outputs what these layers read, and nothing else, in one step. @throws SlicerError `unknown-address`, `usage`. */
  setOutputsBefore(addresses: readonly string[]): void {
    const calls = this.canonical(addresses, 'start');
    const graph = this.context.loaded()?.model.graph;
    if (graph) this.setOutputs(calls.flatMap((call) => tensorsReadBy(graph, call)));
  }

  /** These tensors as inputs in the place of all starts and inputs, in one step. @throws SlicerError `unknown-address`. */
  setInputs(addresses: readonly string[]): void {
    const canonical = this.canonical(addresses, 'input');
    if (this.history.exchange(['start', 'input'], canonical, 'input', this.shapesAt())) this.changed();
  }

  /** Makes inputs of all that the cut lacks, in one step. @throws SlicerError `usage` when it lacks nothing. */
  addMissing(): void {
    const model = this.context.loaded()?.model;
    const { cut, plan } = this;
    if (!model || !cut || !plan || plan.boundary.closed)
      throw new SlicerError('usage', { detail: this.planError ?? l10n.t('Nothing is missing.') });
    const missing = closeCut(model, cut).inputs.filter((address) => !cut.inputs.includes(address));
    if (this.history.add(missing, 'input', this.shapesAt())) this.changed();
  }

  clear(): void {
    if (this.history.replace([])) this.changed();
  }

  undo(): void {
    if (this.history.undo()) this.changed();
  }

  redo(): void {
    if (this.history.redo()) this.changed();
  }

  /** The model was read, or could not be: marks are held against it again. */
  modelChanged(): void {
    this.replan();
    this.outdate();
  }

  /** The proof was made with another input. */
  inputChanged(): void {
    if (this.plan) this.outdate();
  }

  /**
   * Runs the slice against the original. A proof that is under way is given up.
   * @throws SlicerError `cut-open`, `cancelled` and those of the engine.
   */
  async verify(options: ProofOptions = {}): Promise<VerifyResult> {
    const { cut } = this;
    if (!cut || !this.plan) throw new SlicerError('usage', { detail: this.planError ?? l10n.t('No layer is marked.') });
    clearTimeout(this.timer);
    this.proof?.abort();
    const proof = (this.proof = new AbortController());
    const show = (verification: SliceState['verification']): void => {
      if (this.proof !== proof) return;
      this.verification = verification;
      this.publish();
    };
    show({ state: 'running', done: 0, total: this.plan.calls });
    try {
      const result = await this.prove(cut, options, {
        signal: proof.signal,
        onProgress: ({ done, total }) => show({ state: 'running', done, total }),
      });
      if (proof.signal.aborted) throw new SlicerError('cancelled');
      show({ state: 'done', result, stale: false });
      return result;
    } catch (error) {
      show(isCancelled(error) ? { state: 'none' } : { state: 'failed', message: errorSentence(error) });
      throw error;
    }
  }

  /** Proves any cut of this model, whatever is marked. @throws SlicerError `cut-open`, `cancelled` and those of the engine. */
  prove(
    cut: Cut,
    { data = [this.inputs()], slicePath }: ProofOptions,
    options: { signal: AbortSignal; onProgress: (progress: Progress) => void },
  ): Promise<VerifyResult> {
    const { backend, native, memoryLimit } = this.context.preferences();
    const saved = slicePath === undefined ? {} : { slicePath };
    return this.context.inTurn(options.signal, () =>
      this.context.engine.request(
        'verify',
        { cut, data, tolerance: 0, backend, native, memoryLimit, ...saved },
        options,
      ),
    );
  }

  cancelVerify(): void {
    clearTimeout(this.timer);
    this.proof?.abort();
  }

  dispose(): void {
    this.cancelVerify();
  }

  private shapesAt(): ShapesAt {
    const loaded = this.context.loaded();
    if (!loaded) throw new SlicerError('closed');
    return shapesAt(loaded);
  }

  private canonical(addresses: readonly string[], kind: Mark['kind']): string[] {
    const loaded = this.context.loaded();
    if (!loaded) throw new SlicerError('closed');
    const { graph } = loaded.model;
    const canonical = (text: string): string => {
      const { address, path } = resolveAddress(graph, text);
      if (kind !== 'start') return address;
      // A layer is where one starts, not one of its outputs.
      const call = formatAddress(path);
      tensorsReadBy(graph, call);
      return call;
    };
    return [...new Set(addresses.map(canonical))];
  }

  private changed(): void {
    this.context.persist();
    this.replan();
    this.outdate();
  }

  private replan(): void {
    const loaded = this.context.loaded();
    this.marks = this.history.marks(loaded && shapesAt(loaded));
    this.wanted = loaded && cutOf(loaded.model.graph, this.marks);
    this.plan = null;
    this.planError = null;
    if (!loaded || !this.wanted) return;
    try {
      this.plan = planCut(loaded.model, this.wanted, ownFormat(loaded.model));
    } catch (error) {
      this.planError = errorSentence(error);
    }
  }

  /** What was proven was another cut, model or input. */
  private outdate(): void {
    this.cancelVerify();
    this.proof = null;
    if (this.verification.state === 'done' && this.plan) this.verification = { ...this.verification, stale: true };
    else this.verification = { state: 'none' };
    this.publish();
    const wanted = this.plan?.boundary.closed === true && this.context.preferences().verifyAutomatically;
    if (wanted && this.context.loaded()?.structureOnly === false) {
      this.timer = setTimeout(() => void this.verify().catch((error: unknown) => this.note(error)), SETTLE_MS);
    }
  }

  private note(error: unknown): void {
    if (!isCancelled(error)) this.context.log.warn(errorSentence(error));
  }

  private publish(): void {
    this.context.publish({ slice: this.state });
  }
}

/** What the marks that still fit ask for; null when there are none. */
function cutOf(graph: LayerGraph, marks: readonly Mark[]): Cut | null {
  const fitting = marks.filter(({ stale }) => !stale);
  if (fitting.length === 0) return null;
  const outputs = fitting.filter(({ kind }) => kind === 'output').map(({ address }) => address);
  const inputs = fitting.flatMap(({ address, kind }) =>
    kind === 'input' ? [address] : kind === 'start' ? tensorsReadBy(graph, address) : [],
  );
  return { outputs, inputs: [...new Set(inputs)] };
}
