/** A host inside the page: real structure, plans and pictures from core and engine code, recorded tensors, no engine. */
import { SlicerError } from '../../../src/core/errors';
import { openParsed, parseModelJson } from '../../../src/core/formats/openModelJson';
import { inspectModel } from '../../../src/core/model/inspect';
import type { InspectDocument } from '../../../src/core/model/inspectDocument';
import type { ModelFile } from '../../../src/core/model/modelFile';
import { tensorsReadBy } from '../../../src/core/slicing/closeCut';
import type { Cut } from '../../../src/core/slicing/slice';
import { planCut } from '../../../src/core/slicing/sliceModel';
import { tensorsAround } from '../../../src/core/slicing/tensorsAround';

import { planeOffset, planesOf } from '../../../src/engine/previews/planes';
import { makePreview } from '../../../src/engine/previews/preview';
import { computeStatistics, histogram } from '../../../src/engine/previews/statistics';
import { thumbnail } from '../../../src/engine/previews/thumbnail';
import { Channel, type Handlers } from '../../../src/protocol/channel';
import type {
  Activation,
  InputSpec,
  Picture,
  Preprocessing,
  ProofFindings,
  ResolvedInput,
  VerifyResult,
} from '../../../src/protocol/engine';
import {
  noRun,
  type HostContract,
  type Mark,
  type RunState,
  type SliceState,
  type ViewerModel,
  type ViewerState,
  type WebviewContract,
} from '../../../src/protocol/viewer';
import type { Recording } from './recording';

interface Tensor {
  shape: number[];
  dtype: string;
  data: Float32Array;
}

export class FakeHost {
  /** Every request, for tests. */
  readonly requests: { method: string; params: unknown }[] = [];
  readonly events: { name: string; value: unknown }[] = [];
  private readonly listeners: ((message: unknown) => void)[] = [];
  readonly channel: Channel<HostContract, WebviewContract>;
  private model!: ModelFile;
  private document!: InspectDocument;
  private readonly tensors = new Map<string, Tensor>();
  private picture: Picture | null = null;
  private marks: Mark[] = [];
  private past: Mark[][] = [];
  private future: Mark[][] = [];
  private verification: SliceState['verification'] = { state: 'none' };
  private specs: InputSpec[] = [];
  private run: RunState = noRun;
  private colorMap = 'auto';
  private cancelled = false;
  private held: (() => void) | null = null;

  constructor(
    private readonly recording: Promise<Recording>,
    private readonly options: URLSearchParams,
  ) {
    const handlers = this.handlers();
    const logged = Object.fromEntries(
      Object.entries(handlers).map(([method, handler]) => [
        method,
        (params: never, context: never) => {
          this.requests.push({ method, params });
          return (handler as (params: never, context: never) => unknown)(params, context);
        },
      ]),
    ) as unknown as Handlers<HostContract>;
    this.channel = new Channel<HostContract, WebviewContract>(
      {
        post: (message) => window.postMessage(message),
        onMessage: (listener) => this.listeners.push(listener),
        onClose: () => undefined,
      },
      logged,
    );
    this.channel.on('painted', (value) => this.events.push({ name: 'painted', value }));
  }

  receive(message: unknown): void {
    // As over a process boundary: never in the same task.
    setTimeout(() => this.listeners.forEach((listener) => listener(message)));
  }

  /** For tests: a state that the fake would not come to by itself. */
  push(change: Partial<Omit<ViewerState, 'activations' | 'l10n'>>): void {
    this.channel.send('state', change);
  }

  private async open(): Promise<ViewerState> {
    const recording = await this.recording;
    const parsed = parseModelJson(new TextEncoder().encode(recording.modelText), recording.file);
    this.model = openParsed(parsed, recording.shards);
    this.document = inspectModel(this.model);
    for (const [address, { shape, dtype, base64 }] of Object.entries(recording.tensors)) {
      this.tensors.set(address, { shape, dtype, data: new Float32Array(decode(base64).buffer) });
    }
    this.inventTensors();
    const { picture } = recording;
    if (picture) {
      const grey = decode(picture.base64);
      const rgba = new Uint8Array(grey.length * 4);
      grey.forEach((value, index) => rgba.set([value, value, value, 255], index * 4));
      this.picture = { width: picture.width, height: picture.height, rgba };
    }
    this.specs = this.document.inputs.map(({ name }) => ({
      input: name,
      source: this.picture
        ? { kind: 'picture', path: '/models/digits/samples/digit-7-10.png', name: 'digit-7-10.png' }
        : { kind: 'random', seed: 7 },
    }));
    const error = this.options.get('error');
    return {
      fileName: recording.file,
      loading: this.options.has('loading'),
      model: error === 'page' || this.options.has('loading') ? null : this.viewerModel(),
      error: error
        ? {
            code: 'truncated-weights',
            message:
              'group1-shard1of1.bin ends too early: it has 139,000 bytes, the weights need 139,304. Copy or download it again.',
            canOpenStructure: error === 'page',
            canReopenAsText: true,
          }
        : null,
      slice: this.slice(),
      input: this.input(),
      run: this.run,
      activations: [],
      settings: { colorMap: this.colorMap, reduceMotion: false },
      l10n:
        this.options.get('language') === 'de'
          ? { Activations: 'Aktivierungen', '{count} layers': '{count} Schichten' }
          : null,
    };
  }

  /** Noise for the layers that were not recorded, so that every kind of preview can be looked at. */
  private inventTensors(): void {
    if (this.tensors.size > 0) return;
    for (const layer of this.document.layers) {
      for (const { address, outputs } of layer.calls) {
        const shape = outputs[0]?.shape?.map((dim, axis) => dim ?? (axis === 0 ? 1 : 12));
        const size = shape?.reduce((product, dim) => product * dim, 1) ?? 0;
        if (!shape || size === 0 || size > 500_000 || this.tensors.size > 2000) continue;
        const data = Float32Array.from({ length: size }, (_, at) => Math.sin(at * 0.37) + Math.sin(at * 12.9898) * 0.5);
        this.tensors.set(address, { shape, dtype: 'float32', data });
      }
    }
    if (this.options.has('nan')) [...this.tensors.values()].at(-2)?.data.set([NaN, Infinity]);
  }

  private viewerModel(): ViewerModel {
    const layers = this.document.layers.map(({ config: _config, weights, inner: _inner, ...row }) => {
      const sharedWith = [...new Set(weights.flatMap((weight) => weight.sharedWith))];
      return { ...row, weights: weights.length, ...(sharedWith.length > 0 ? { sharedWith } : {}) };
    });
    return { ...this.document, layers };
  }

  private input(): ViewerState['input'] {
    return {
      specs: this.specs,
      resolved: this.document.inputs.map((tensor, index) => this.resolve(tensor, this.specs[index])),
      error: null,
      suggestions: this.picture
        ? [0, 3, 7].map((digit) => ({
            label: `samples/digit-${digit}.png`,
            path: `/models/digits/samples/digit-${digit}.png`,
          }))
        : [],
    };
  }

  private resolve(tensor: InspectDocument['inputs'][number], spec: InputSpec | undefined): ResolvedInput {
    const shape = (tensor.shape ?? [1]).map((dim, axis) => dim ?? spec?.dims?.[axis] ?? 1);
    const resolved: ResolvedInput = {
      input: tensor.name,
      label: 'input',
      shape,
      dtype: tensor.dtype ?? 'float32',
      notes: [{ code: 'batch-added', data: {} }],
    };
    if (spec?.source.kind !== 'picture') return resolved;
    const preprocessing: Preprocessing = {
      width: 28,
      height: 28,
      resize: 'pillow',
      interpolation: 'nearest',
      colorMode: 'grayscale',
      layout: 'channels_last',
      range: 'unit',
      reason: 'Nothing in the model says how its pictures were prepared, so 0 … 1 is assumed.',
      ...spec.source.preprocessing,
    };
    return { ...resolved, preprocessing, ...(this.picture ? { picture: this.picture } : {}) };
  }

  private slice(): SliceState {
    let plan: SliceState['plan'] = null;
    let planError: string | null = null;
    if (this.marks.length > 0) {
      try {
        plan = planCut(this.model, this.cut());
      } catch (error) {
        planError = error instanceof SlicerError ? `${error.code} ${JSON.stringify(error.data)}` : String(error);
      }
    }
    return {
      marks: this.marks,
      canUndo: this.past.length > 0,
      canRedo: this.future.length > 0,
      plan,
      planError,
      verification: this.verification,
    };
  }

  private cut(): Cut {
    const of = (kind: Mark['kind']): string[] =>
      this.marks.filter((mark) => mark.kind === kind && !mark.stale).map(({ address }) => address);
    const starts = of('start').flatMap((address) => tensorsReadBy(this.model.graph, address));
    return { outputs: of('output'), inputs: [...new Set([...of('input'), ...starts])] };
  }

  private mark(addresses: readonly string[], kind: Mark['kind']): Mark[] {
    return addresses.map((address) => ({ address, kind, stale: false }));
  }

  private changeMarks(marks: Mark[]): void {
    this.past.push(this.marks);
    this.future = [];
    this.setMarks(marks);
  }

  private setMarks(marks: Mark[]): void {
    this.marks = marks;
    if (this.verification.state === 'done') this.verification = { ...this.verification, stale: true };
    this.push({ slice: this.slice() });
  }

  private proof(passed: boolean): VerifyResult {
    const weak = this.options.has('weak');
    const findings: ProofFindings = {
      outputs: (this.slice().plan?.outputs ?? []).map(({ address }, index) => ({
        address,
        maxAbsDiff: passed || index > 0 ? 0 : 0.03125,
        equal: passed || index > 0,
      })),
      wholeFromParts: { maxAbsDiff: 0 },
      nonFinite: { slice: 0, original: 0 },
      weak,
    };
    const data = ['zeros', 'random:7'].map((label) => ({ ...findings, label }));
    return { ...findings, backend: 'wasm', passed, data, sourceMatches: null };
  }

  private activation(address: string, { shape, dtype, data }: Tensor): Activation {
    return {
      address,
      shape,
      dtype,
      statistics: computeStatistics(data, shape, -1),
      thumbnail: thumbnail(data, shape, { colorMap: this.colorMap, channelAxis: -1 }),
      ms: 0.4 + (data.length % 97) / 20,
      backend: 'wasm',
    };
  }

  /** For tests: the marks as they are now. */
  get markedNow(): readonly Mark[] {
    return this.marks;
  }

  get sliceNow(): SliceState {
    return this.slice();
  }

  /** For tests: what is held by the option `hold` goes on. */
  release(): void {
    this.held?.();
    this.held = null;
  }

  /** Waits, once in the life of the page, until `release` or a cancel. */
  private hold(): Promise<void> {
    return new Promise((resolve) => (this.held = resolve));
  }

  private async runAll(): Promise<void> {
    this.cancelled = false;
    const all = [...this.tensors];
    const holdAt = this.options.has('hold') ? Number(this.options.get('hold')) : null;
    this.setRun({ ...noRun, state: 'running', total: all.length });
    this.channel.send('activations', { reset: true, items: [] });
    for (const [index, [address, tensor]] of all.entries()) {
      if (index === holdAt) {
        this.setRun({ ...this.run, state: 'running', done: index, total: all.length, at: address });
        await this.hold();
      }
      if (this.cancelled) return this.setRun({ ...noRun, state: 'cancelled' });
      this.channel.send('activations', { reset: false, items: [this.activation(address, tensor)] });
      if (index % 10 === 0)
        this.setRun({ ...this.run, state: 'running', done: index + 1, total: all.length, at: address });
    }
    const output = this.document.outputs[0]?.address ?? '';
    const values = [...(this.tensors.get(output)?.data ?? [])];
    const top = values
      .map((value, index) => ({ index, value, label: null }))
      .sort((a, b) => b.value - a.value)
      .slice(0, 5);
    this.setRun({
      ...noRun,
      state: 'done',
      done: all.length,
      total: all.length,
      backend: 'wasm',
      predictMs: 3.4,
      layersMs: 4.1,
      live: true,
      fallbacks: this.options.has('fallback')
        ? [{ address: all[1]?.[0] ?? '', backend: 'cpu', reason: "Kernel 'Einsum' not registered for backend 'wasm'" }]
        : [],
      firstNonFinite:
        [...this.tensors].find(([, { data }]) => data.some((value) => !Number.isFinite(value)))?.[0] ?? null,
      outputs: values.length > 1 && values.length < 5000 ? [{ address: output, top }] : [],
    });
  }

  private setRun(run: RunState): void {
    this.run = run;
    this.push({ run });
  }

  private tensor(address: string): Tensor {
    const tensor = this.tensors.get(address);
    if (!tensor || !this.run.live) throw new SlicerError('handle-gone');
    return tensor;
  }

  private handlers(): Handlers<HostContract> {
    return {
      ready: () => this.open(),
      details: ({ address }) => {
        const layer = this.document.layers.find((other) => other.address === address);
        if (!layer) throw new SlicerError('unknown-address', { address });
        return layer;
      },
      weightStatistics: ({ address }) => {
        const layer = this.document.layers.find((other) => other.address === address);
        return {
          weights: (layer?.weights ?? []).map(({ name, shape }, index) => {
            const size = shape.reduce<number>((product, dim) => product * (dim ?? 1), 1);
            const values = Float32Array.from(
              { length: Math.min(size, 4000) },
              (_, at) => Math.sin(at * 12.9898 + index) * Math.cos(at * 3.3) * 0.2,
            );
            const statistics = computeStatistics(values, [values.length], -1);
            return { name, statistics, histogram: histogram(values, statistics.min, statistics.max) };
          }),
        };
      },
      tensorsAround: ({ address }) => {
        const tensors = tensorsAround(this.model.graph, address);
        const reason = this.options.get('refused');
        if (reason === null) return { tensors };
        return { tensors: tensors.map((tensor) => (tensor.address.includes('@') ? { ...tensor, reason } : tensor)) };
      },
      toggleMarks: ({ addresses, kind }) => {
        const here = (mark: Mark): boolean => mark.kind === kind && addresses.includes(mark.address);
        const standing = this.marks.filter(here).map(({ address }) => address);
        const added = addresses.filter((address) => !standing.includes(address));
        this.changeMarks(
          added.length === 0 ? this.marks.filter((mark) => !here(mark)) : [...this.marks, ...this.mark(added, kind)],
        );
        return null;
      },
      setInputs: ({ addresses }) => {
        const outputs = this.marks.filter(({ kind }) => kind === 'output');
        this.changeMarks([...outputs, ...this.mark(addresses, 'input')]);
        return null;
      },
      clearMarks: () => (this.changeMarks([]), null),
      undo: () => {
        const before = this.past.pop();
        if (before) {
          this.future.push(this.marks);
          this.setMarks(before);
        }
        return null;
      },
      redo: () => {
        const next = this.future.pop();
        if (next) {
          this.past.push(this.marks);
          this.setMarks(next);
        }
        return null;
      },
      setInput: ({ spec }) => {
        this.specs = this.specs.map((other) => (other.input === spec.input ? spec : other));
        this.push({ input: this.input() });
        return null;
      },
      pickInput: () => null,
      run: async () => (await this.runAll(), null),
      runInner: async ({ address }) => {
        const around = this.tensors.get(/^[^@]*/.exec(address)?.[0] ?? '');
        if (!around) throw new SlicerError('unknown-address', { address });
        this.tensors.set(address, { ...around, data: around.data.map((value, at) => value - Math.sin(at * 0.7)) });
        await this.runAll();
        return null;
      },
      cancelRun: () => {
        this.cancelled = true;
        this.release();
        return null;
      },
      preview: ({ address, options }) => {
        const { shape, dtype, data } = this.tensor(address);
        const layer = this.document.layers.find((other) => other.address === address);
        const isOutput = this.document.outputs.some((output) => output.address === address);
        const made = makePreview(data, shape, dtype, {
          ...options,
          layout: 'channels_last',
          labels: null,
          isOutput,
          ...(layer ? { className: layer.class } : {}),
        });
        return { address, shape, dtype, ...made };
      },
      values: ({ address, example, channel }) => {
        const { shape, data } = this.tensor(address);
        const planes = planesOf(shape, 'channels_last', example);
        if (!planes) throw new SlicerError('bad-input', { reason: 'no planes' });
        const { width, height, rowStride, columnStride } = planes;
        const start = planeOffset(planes, channel ?? 0);
        const values = Float32Array.from(
          { length: width * height },
          (_, at) => data[start + Math.floor(at / width) * rowStride + (at % width) * columnStride] ?? NaN,
        );
        return { width, height, values };
      },
      verify: async () => {
        this.verification = { state: 'running', done: 1, total: 4 };
        this.push({ slice: this.slice() });
        this.cancelled = false;
        if (this.options.get('hold') === 'verify') await this.hold();
        this.verification = this.cancelled
          ? { state: 'none' }
          : { state: 'done', stale: false, result: this.proof(!this.options.has('differs')) };
        this.push({ slice: this.slice() });
        return null;
      },
      cancelVerify: () => {
        this.cancelled = true;
        this.release();
        return null;
      },
      command: ({ id, addresses = [] }) => {
        if (id === 'sliceToLayer') this.changeMarks(this.mark(addresses, 'output'));
        if (id === 'sliceBeforeLayer') {
          const read = addresses.flatMap((address) => tensorsReadBy(this.model.graph, address));
          this.changeMarks(this.mark([...new Set(read)], 'output'));
        }
        if (id === 'addMissingInputs') {
          const missing = this.slice().plan?.boundary.missing ?? [];
          this.changeMarks([
            ...this.marks,
            ...this.mark(
              missing.map(({ address }) => address),
              'input',
            ),
          ]);
        }
        return null;
      },
      copy: () => null,
      setSetting: ({ value }) => {
        this.colorMap = value;
        this.push({ settings: { colorMap: value, reduceMotion: false } });
        return null;
      },
    };
  }
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
