/** Features while a model trains, saved after each epoch or each n-th batch. */
import type { CodeTask } from '../../codeTask';
import { Python } from '../../languages/python';
import {
  describeInputs,
  isStateful,
  outputDict,
  taskNames,
  writeExtractor,
  writeLoader,
  type TaskNames,
} from '../../languages/pythonModel';
import type { RecipeWriter } from '../../recipe';
import { whyNotExtracted } from './fits';

export const trainingCallback: RecipeWriter = {
  whyNot: (task) =>
    whyNotExtracted(task) ??
    (isStateful(task.model.graph)
      ? 'its layers keep states, which extracting features would disturb in training'
      : null),
  write: (task) => {
    const code = new Python();
    const names = taskNames(task);
    code.import('numpy', 'np');
    code.importFrom('pathlib', 'Path');
    writeLoader(code, task);
    writeRecorder(code, task, names);
    const { helpers } = writeExtractor(code, task, names, {
      finish: (inputs) => code.call('return keras.Model', [inputs, outputDict(names)]),
    });
    helpers();
    return code.snippet();
  },
};

function writeRecorder(code: Python, { plan }: CodeTask, names: TaskNames): void {
  const what = plan.outputs.map(({ address }) => address).join(', ');
  const samples = plan.inputs.length > 1 ? 'list[np.ndarray]' : 'np.ndarray';
  code.class(
    `${names.classTitle}Recorder(keras.callbacks.Callback)`,
    [
      `Saves ${what} of some samples while the model trains.`,
      'After each epoch, or with `every` after each n-th batch: one .npz file in `folder`. Samples: ' +
        describeInputs(names),
    ],
    () => {
      const parameters = ['self', `samples: ${samples}`, 'folder: str = "features"', 'every: int | None = None'];
      code.function({ name: '__init__', parameters, returns: 'None', doc: [] }, () => {
        code.line('super().__init__()');
        code.line('self.samples = samples');
        code.line('self.folder = Path(folder)');
        code.line('self.every = every');
        code.line('self.batches = 0');
      });
      code.function(
        { name: 'on_train_begin', parameters: ['self', 'logs: dict | None = None'], returns: 'None', doc: [] },
        () => {
          code.line('self.folder.mkdir(parents=True, exist_ok=True)');
          code.line(`self.extractor = make_${names.title}_extractor(self.model)`);
        },
      );
      writeHook(code, 'on_train_batch_end', 'batch', () => {
        code.line('self.batches += 1');
        code.block('if self.every is not None and self.batches % self.every == 0:', () =>
          code.line('self.save(f"batch-{self.batches:06}.npz")'),
        );
      });
      writeHook(code, 'on_epoch_end', 'epoch', () =>
        code.block('if self.every is None:', () => code.line('self.save(f"epoch-{epoch + 1:03}.npz")')),
      );
      code.function({ name: 'save', parameters: ['self', 'file: str'], returns: 'None', doc: [] }, () => {
        code.line('_ = self.model  # with JAX, this brings the weights up to date');
        code.line('features = self.extractor.predict(self.samples, verbose=0)');
        code.line('np.savez(self.folder / file, **features)');
      });
    },
  );
}

function writeHook(code: Python, name: string, argument: string, body: () => void): void {
  const parameters = ['self', `${argument}: int`, 'logs: dict | None = None'];
  code.function({ name, parameters, returns: 'None', doc: [] }, body);
}
