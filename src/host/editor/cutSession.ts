/** Marks, the slice that they plan, and its proof. */
import { l10n } from 'vscode';
import { SlicerError } from '../../core/errors';
import { resolveAddress } from '../../core/model/address';
import { planCut } from '../../core/slicing/sliceModel';
import type { Cut, SlicePlan } from '../../core/slicing/slice';
import type { InputSpec, VerifyResult } from '../../protocol/engine';
import type { Mark, SliceState } from '../../protocol/viewer';
import { errorSentence, isCancelled } from '../sentences';
import type { DocumentContext } from './documentContext';
import { MarkHistory, type PlacedMark } from './markHistory';

/** Several marks set one after the other are proven once. */
const SETTLE_MS = 300;

export class CutSession {
  private history = new MarkHistory();
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
    const fitting = this.marks.filter(({ stale }) => !stale);
    if (fitting.length === 0) return null;
    const of = (kind: Mark['kind']): string[] =>
      fitting.filter((mark) => mark.kind === kind).map(({ address }) => address);
    return { outputs: of('output'), inputs: of('input') };
  }

  restore(marks: readonly PlacedMark[]): void {
    this.history = new MarkHistory([...marks]);
  }

  /** @throws SlicerError `unknown-address`; then nothing is marked. */
  toggle(addresses: readonly string[], kind: Mark['kind']): void {
    if (this.history.toggle(this.canonical(addresses), kind, this.shapes())) this.changed();
  }

  /** These outputs and nothing else, in one step. @throws SlicerError `unknown-address`. */
  setOutputs(addresses: readonly string[]): void {
    const shapes = this.shapes();
    const marks = this.canonical(addresses).map((address) => ({
      address,
      kind: 'output' as const,
      shape: shapes.get(address) ?? null,
    }));
    if (this.history.replace(marks)) this.changed();
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
  async verify(): Promise<VerifyResult> {
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
      const params = { cut, inputs: this.inputs(), tolerance: 0, backend: this.context.preferences().backend };
      const result = await this.context.inTurn(proof.signal, () =>
        this.context.engine.request('verify', params, {
          signal: proof.signal,
          onProgress: ({ done, total }) => show({ state: 'running', done, total }),
        }),
      );
      if (proof.signal.aborted) throw new SlicerError('cancelled');
      show({ state: 'done', result, stale: false });
      return result;
    } catch (error) {
      show(isCancelled(error) ? { state: 'none' } : { state: 'failed', message: errorSentence(error) });
      throw error;
    }
  }

  cancelVerify(): void {
    clearTimeout(this.timer);
    this.proof?.abort();
  }

  dispose(): void {
    this.cancelVerify();
  }

  private get marks(): Mark[] {
    return this.history.marks(this.context.loaded()?.shapes ?? null);
  }

  private shapes(): ReadonlyMap<string, PlacedMark['shape']> {
    return this.context.loaded()?.shapes ?? new Map();
  }

  private canonical(addresses: readonly string[]): string[] {
    const loaded = this.context.loaded();
    if (!loaded) throw new SlicerError('closed');
    return [...new Set(addresses.map((address) => resolveAddress(loaded.model.graph, address).address))];
  }

  private changed(): void {
    this.context.persist();
    this.replan();
    this.outdate();
  }

  private replan(): void {
    const loaded = this.context.loaded();
    const { cut } = this;
    this.plan = null;
    this.planError = null;
    if (!loaded || !cut) return;
    try {
      this.plan = planCut(loaded.model, cut);
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
