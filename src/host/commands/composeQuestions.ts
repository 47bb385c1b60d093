/** What a new model with this one as a layer is to be, asked step by step. */
import { l10n, window, type Uri } from 'vscode';
import type { Composition, Head, HeadLayer } from '../../core/composing/composition';
import { checkHead, readDenseLayers } from '../../core/composing/head';
import { namedScaling } from '../../core/composing/scalings';
import type { Shape } from '../../core/model/layerGraph';
import type { Cut, SlicePlan } from '../../core/slicing/slice';
import { errorSentence } from '../sentences';
import { pickStep, textStep, type Answer, type QuickStep, type StepFrame } from './quickSteps';

export interface ComposeOffer {
  /** The model's name. */
  name: string;
  /** What is marked; null where nothing is. */
  marked: Cut | null;
  /** What a cut takes of the model. */
  planOf(cut: Cut): SlicePlan;
  /** Where to look for a second model. */
  folder: Uri;
}

interface Answers {
  cut: Cut;
  join: 'none' | 'sequence' | 'concat';
  second: Uri | null;
  /** As typed; empty: as the part takes it. */
  inputShape: string;
  scaling: string;
  pooling: Head['pooling'];
  dense: string;
  dropout: string;
  frozen: boolean;
}

export interface ComposeAnswer {
  composition: Composition;
  second: Uri | null;
}

const WHOLE: Cut = { outputs: [], inputs: [] };

/** The questions in their order; those that make no sense for this model are left out. */
export function composeSteps(offer: ComposeOffer): { start: Answers; steps: QuickStep<Answers>[] } {
  const shapesOf = (cut: Cut, ports: 'inputs' | 'outputs'): (Shape | null)[] =>
    offer.planOf(cut)[ports].map(({ shape }) => shape);
  const takesPicture = ({ cut, second }: Answers): boolean => {
    const [shape, ...others] = shapesOf(cut, 'inputs');
    return second === null && others.length === 0 && shape?.length === 4;
  };
  const start: Answers = {
    cut: offer.marked ?? WHOLE,
    join: 'none',
    second: null,
    inputShape: '',
    scaling: 'none',
    pooling: 'avg',
    dense: '',
    dropout: '',
    frozen: true,
  };
  const steps: QuickStep<Answers>[] = [
    {
      applies: () => offer.marked !== null,
      ask: async (state, frame) =>
        merged(
          state,
          await pickStep<Cut>(
            frame,
            l10n.t('What becomes a layer of the new model?'),
            [
              ...(offer.marked
                ? [
                    {
                      label: l10n.t('The marked sub-model'),
                      detail: describe(offer.planOf(offer.marked)),
                      value: offer.marked,
                    },
                  ]
                : []),
              { label: l10n.t('The whole model {0}', offer.name), detail: describe(offer.planOf(WHOLE)), value: WHOLE },
            ],
            (cut) => cut === state.cut,
          ),
          (cut) => ({ cut }),
        ),
    },
    { applies: () => true, ask: (state, frame) => askSecond(state, frame, offer.folder) },
    {
      applies: takesPicture,
      ask: async (state, frame) =>
        merged(
          state,
          await textStep(
            frame,
            l10n.t('Size of the new input: height, width, channels. Empty: as the layer takes it.'),
            {
              value: state.inputShape,
              placeholder: (shapesOf(state.cut, 'inputs')[0] ?? [])
                .slice(1)
                .map((size) => size ?? '?')
                .join(', '),
              validate: (text) =>
                text.trim() === '' || sizesIn(text) ? null : l10n.t('Three whole numbers, as in 64, 64, 3.'),
            },
          ),
          (inputShape) => ({ inputShape }),
        ),
    },
    { applies: takesPicture, ask: askScaling },
    {
      applies: ({ cut }) => shapesOf(cut, 'outputs').some((shape) => (shape?.length ?? 0) > 2),
      ask: askPooling,
    },
    {
      applies: () => true,
      ask: async (state, frame) =>
        merged(
          state,
          await textStep(frame, l10n.t('Dense layers behind it, as in 128:relu, 10:softmax. Empty: none.'), {
            value: state.dense,
            placeholder: '128:relu, 10:softmax',
            validate: wrongDense,
          }),
          (dense) => ({ dense }),
        ),
    },
    {
      applies: ({ dense }) => (readDenseLayers(dense) ?? []).length > 0,
      ask: async (state, frame) =>
        merged(
          state,
          await textStep(frame, l10n.t('Dropout before the last dense layer, from 0 to below 1. Empty: none.'), {
            value: state.dropout,
            placeholder: '0.2',
            validate: (text) =>
              text.trim() === '' || rateIn(text) !== null ? null : l10n.t('A number from 0 to below 1.'),
          }),
          (dropout) => ({ dropout }),
        ),
    },
    {
      applies: () => true,
      ask: async (state, frame) =>
        merged(
          state,
          await pickStep<boolean>(
            frame,
            l10n.t('Does training change the model that is put in?'),
            [
              { label: l10n.t('Frozen'), detail: l10n.t('Only the new layers are trained.'), value: true },
              {
                label: l10n.t('Trained with the rest'),
                detail: l10n.t('All weights of the new model change.'),
                value: false,
              },
            ],
            (frozen) => frozen === state.frozen,
          ),
          (frozen) => ({ frozen }),
        ),
    },
  ];
  return { start, steps };
}

/** What was answered, with adapters wherever something does not fit. */
export function composeAnswer({
  cut,
  join,
  second,
  inputShape,
  scaling,
  pooling,
  dense,
  dropout,
  frozen,
}: Answers): ComposeAnswer {
  const scale = second === null ? namedScaling(scaling) : null;
  const layers: HeadLayer[] = readDenseLayers(dense) ?? [];
  const rate = rateIn(dropout);
  if (rate !== null && layers.length > 0) layers.splice(-1, 0, { kind: 'dropout', rate });
  return {
    second,
    composition: {
      base: { cut, frozen },
      second: join === 'none' || second === null ? null : { cut: WHOLE, frozen, join, inputs: 'own' },
      inputShape: second === null ? sizesIn(inputShape) : null,
      before: scale ? [scale] : [],
      head: { pooling, layers },
      adapt: true,
      seed: 0,
    },
  };
}

async function askSecond(state: Answers, frame: StepFrame, folder: Uri): Promise<Answer<Answers>> {
  const answer = await pickStep<Answers['join']>(
    frame,
    l10n.t('Is it joined to another model?'),
    [
      { label: l10n.t('No'), detail: l10n.t('New layers come behind it.'), value: 'none' },
      { label: l10n.t('Another model reads what it gives…'), value: 'sequence' },
      {
        label: l10n.t('Another model stands beside it…'),
        detail: l10n.t('What both give is joined.'),
        value: 'concat',
      },
    ],
    (join) => join === state.join,
  );
  if (answer === null || answer === 'back') return answer;
  const { value: join } = answer;
  if (join === 'none') return { value: { ...state, join, second: null } };
  const [second] =
    (await window.showOpenDialog({
      title: l10n.t('The other model'),
      openLabel: l10n.t('Join'),
      defaultUri: folder,
      filters: { [l10n.t('Models')]: ['json', 'keras', 'h5', 'hdf5'], [l10n.t('All files')]: ['*'] },
    })) ?? [];
  return second ? { value: { ...state, join, second } } : askSecond(state, frame, folder);
}

async function askScaling(state: Answers, frame: StepFrame): Promise<Answer<Answers>> {
  const answer = await pickStep<string>(
    frame,
    l10n.t('Are pixels from 0 to 255 scaled in the new model?'),
    [
      {
        label: l10n.t('No'),
        detail: l10n.t('They come as the layer takes them, or it scales them itself.'),
        value: 'none',
      },
      { label: l10n.t('0 to 1'), description: 'unit', value: 'unit' },
      {
        label: l10n.t('-1 to 1'),
        description: 'signed',
        detail: 'MobileNet, Inception, Xception, ResNetV2',
        value: 'signed',
      },
      { label: l10n.t('ImageNet mean and deviation'), description: 'torch', detail: 'DenseNet', value: 'torch' },
      {
        label: l10n.t('Blue first, without the ImageNet mean'),
        description: 'caffe',
        detail: 'VGG, ResNet',
        value: 'caffe',
      },
    ],
    (scaling) => scaling === state.scaling,
  );
  return merged(state, answer, (scaling) => ({ scaling }));
}

async function askPooling(state: Answers, frame: StepFrame): Promise<Answer<Answers>> {
  const answer = await pickStep<Head['pooling']>(
    frame,
    l10n.t('How do its features become one vector?'),
    [
      { label: l10n.t('Average over positions'), value: 'avg' },
      { label: l10n.t('Largest value over positions'), value: 'max' },
      { label: l10n.t('All values, flattened'), value: 'flatten' },
      { label: l10n.t('They stay as they are'), value: 'none' },
    ],
    (pooling) => pooling === state.pooling,
  );
  return merged(state, answer, (pooling) => ({ pooling }));
}

function merged<T>(state: Answers, answer: Answer<T>, change: (value: T) => Partial<Answers>): Answer<Answers> {
  return answer === null || answer === 'back' ? answer : { value: { ...state, ...change(answer.value) } };
}

function wrongDense(text: string): string | null {
  const layers = readDenseLayers(text);
  if (!layers) return l10n.t('Units, each with its activation, as in 128:relu, 10:softmax.');
  try {
    checkHead({ head: { pooling: 'none', layers } });
    return null;
  } catch (error) {
    return errorSentence(error);
  }
}

function rateIn(text: string): number | null {
  const rate = text.trim() === '' ? NaN : Number(text);
  return rate >= 0 && rate < 1 ? rate : null;
}

function sizesIn(text: string): number[] | null {
  const sizes = text.split(/[,x×]/).map((size) => Number(size.trim() || 'none'));
  return sizes.length === 3 && sizes.every((size) => Number.isSafeInteger(size) && size > 0) ? sizes : null;
}

function describe({ inputs, outputs, params }: SlicePlan): string {
  const shapes = (ports: SlicePlan['inputs']): string =>
    ports
      .map(({ shape }) =>
        shape
          ? `[${shape
              .slice(1)
              .map((size) => size ?? '?')
              .join(', ')}]`
          : '?',
      )
      .join(' ');
  return l10n.t('{0} → {1}, {2} parameters', shapes(inputs), shapes(outputs), params.total);
}
