/** Commands and options, as the documentation of the command line has them. */
import { Command } from 'commander';
import { version } from '../../package.json';
import { code } from './commands/code';
import { compose } from './commands/compose';
import { inspect } from './commands/inspect';
import { run } from './commands/run';
import { slice } from './commands/slice';
import { stub } from './commands/stub';
import { verify } from './commands/verify';

const BACKEND =
  'auto (default: the fastest that is there), wasm, cpu, tensorflow (@tensorflow/tfjs-node, from the folder that MODEL_SLICER_NATIVE names or, not with auto, from node_modules of the working folder)';

const MEMORY = 'memory that the run may take; default: half of what the machine has, from 1024 to 8192';

/**
 * @param args what was typed. With FILE right after the command, an option takes all values up to the next option
 * (`--output a b`); with options first it takes one, so that FILE is not taken for a value.
 */
export function buildProgram(args: readonly string[]): Command {
  const fileFirst = args[1] !== undefined && !args[1].startsWith('-');
  const program = new Command('model-slicer');
  program
    .description(
      'Look into Keras and TensorFlow.js models, run them, cut sub-models out of them, prove and save these, and write code.',
    )
    .version(version, '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .helpCommand(false);
  const configure = (command: Command): Command =>
    command
      .exitOverride()
      .configureOutput({ writeErr: () => undefined })
      .showSuggestionAfterError();
  configure(program);

  const list = (command: Command, flag: string, value: string, description: string): Command =>
    fileFirst
      ? command.option(`--${flag} <${value}...>`, description)
      : command.option(
          `--${flag} <${value}>`,
          `${description} (repeatable)`,
          (next: string, before: string[] | undefined) => [...(before ?? []), next],
        );
  const add = (name: string, description: string): Command => {
    const command = configure(program.command(name)).description(description).helpOption('--help', 'print this help');
    list(command, 'custom-layers', 'file', 'modules that register custom layers (they are run)');
    return command
      .option('--json', 'print one JSON document')
      .option('--debug', 'print where an error comes from, and what the engine notes');
  };
  const cut = (command: Command): Command => {
    list(command, 'output', 'address', "tensor that the slice hands out; default: the model's outputs");
    list(command, 'input', 'address', "tensor that comes from outside; default: the model's inputs that are needed");
    list(command, 'from', 'layer', 'start before this layer: every tensor that it reads comes from outside');
    return command.option('--close', 'add what the cut lacks as inputs');
  };
  const pictures = (command: Command): Command =>
    command
      .option('--preprocess <range>', 'of pictures: unit, signed, caffe, torch, none, auto')
      .option('--resize <how>', 'of pictures: pillow, tensorflow')
      .option('--interpolation <how>', 'of pictures: nearest, bilinear, bicubic')
      .option('--color-mode <mode>', 'of pictures: rgb, bgr, grayscale');
  const feeding = (command: Command): Command => {
    list(command, 'dim', 'input.axis=n', 'size of an unknown dimension');
    return pictures(command).option('--backend <name>', BACKEND).option('--memory-limit <mb>', MEMORY);
  };

  add('inspect', 'say what is inside a model')
    .argument('<file>', 'model file, or a folder that holds one')
    .option('--table', 'text table as Keras prints it (default)')
    .option('--markdown', 'Markdown')
    .option('--csv', 'comma-separated values')
    .action(inspect);

  const running = add('run', 'run a model and say what its layers compute').argument('<file>', 'model file');
  list(
    running,
    'input',
    '[name=]spec',
    'zeros, ones, random[:SEED], a .png or .jpg, .npy, .npz, .json; default: random',
  );
  list(running, 'layers', 'pattern', 'layers whose activations are wanted: address, glob, /regex/, class:NAME');
  feeding(running)
    .option('--all', 'activations of all layers')
    .option('--out <target>', 'write them: FILE.npz, or a folder of .npy files')
    .option('--png', 'with --out DIR: write their pictures, too')
    .option('--force', 'replace what is there')
    .action(run);

  cut(add('slice', 'cut a sub-model out').argument('<file>', 'model file'))
    .option('--plan', 'only say what the slice will be')
    .option('--to <target>', 'where it goes: a folder or a .json (TF.js), a .keras or an .h5 (Keras)')
    .option(
      '--format <format>',
      'keras, h5, layers-model, graph-model; default: as --to says, else as TF.js reads the file',
    )
    .option('--name <name>', 'name of the new model')
    .option('--shard-size <bytes>', 'largest size of a weights file; default: 4 MB')
    .option('--force', 'replace what is there')
    .action(slice);

  const verifying = cut(
    add('verify', 'prove that a slice computes what the model computes').argument('<file>', 'model file'),
  );
  list(
    verifying,
    'data',
    '[name=]spec',
    'what both are run on, as --input of run; several are several proofs; default: random',
  );
  feeding(verifying)
    .option('--slice <target>', 'a saved slice, instead of one made now; without a cut, the one that it records')
    .option('--tolerance <number>', 'largest difference that is allowed; default: 0')
    .action(verify);

  pictures(cut(add('code', 'write code that does the same in your own program').argument('[file]', 'model file')))
    .option('--recipe <id>', 'how: see --list')
    .option('--language <language>', 'typescript (default), python')
    .option(
      '--runtime <runtime>',
      'where TypeScript gets TF.js from: tfjs (default), tfjs-node, browser, auto (as the nearest package.json has it)',
    )
    .option('--to <file>', 'write it into a file')
    .option('--force', 'replace what is there')
    .option('--list', 'list the recipes, and whether they fit the model')
    .action(code);

  add('stub', 'begin a class for a layer that nothing here computes, or for a Lambda')
    .argument('<file>', 'model file')
    .argument('<layer>', 'address of a layer of the class')
    .option('--language <language>', 'typescript (default), javascript')
    .option('--to <file>', 'write it into a file; its ending chooses the language')
    .option('--force', 'replace what is there')
    .action(stub);

  const composing = cut(
    add('compose', 'put a model, or a slice of it, as one layer into a new model').argument('<file>', 'model file'),
  )
    .option('--as-layer <name>', "name of the layer; default: the model's")
    .option('--frozen', 'training leaves it alone')
    .option('--input-shape <sizes>', 'shape of the new input without the batch: 64,64,1')
    .option('--resize <size>', 'before it: HEIGHT,WIDTH, and nearest or bilinear (default)')
    .option('--channels <count>', 'before it: from grey to colours, or back')
    .option('--rescale <scaling>', 'before it: SCALE[,OFFSET] as 1/255, or unit, signed, torch, caffe')
    .option('--pool <how>', 'behind it: avg (default before dense layers), max, flatten, none');
  list(composing, 'dense', 'units:activation', 'behind it: a dense layer; without activation: UNITS');
  composing
    .option('--dropout <rate>', 'behind the dense layers')
    .option('--classes <count>', 'the last dense layer, with softmax (sigmoid for one)')
    .option('--activation <name>', 'of the last layer')
    .option('--with <file>', 'join it to a second model');
  list(composing, 'with-output', 'address', 'tensor that the second model hands out');
  list(composing, 'with-input', 'address', 'tensor of the second model that comes from outside');
  composing
    .option('--with-as <name>', "name of the second model's layer")
    .option('--with-frozen', 'training leaves the second model alone')
    .option('--join <how>', 'sequence (default): one after the other; concat: side by side')
    .option('--same-inputs', 'with --join concat: both read the same input')
    .option('--shared', 'with --join concat and the same file: one layer that is called twice')
    .option('--adapt', 'put layers between where something does not fit')
    .option('--seed <number>', 'of the numbers that new layers begin with; default: 0')
    .option('--name <name>', 'name of the new model')
    .option('--plan', 'only say what the new model will be')
    .option('--to <target>', 'where it goes: a folder, or a file name that ends in .json')
    .option('--shard-size <bytes>', 'largest size of a weights file; default: 4 MB')
    .option('--force', 'replace what is there')
    .option('--verify', 'prove that it computes what its parts compute one after the other');
  list(composing, 'data', '[name=]spec', 'with --verify: what they are run on; default: random');
  list(composing, 'dim', 'input.axis=n', 'with --verify: size of an unknown dimension');
  composing
    .option('--tolerance <number>', 'with --verify: largest difference that is allowed; default: 0')
    .option('--backend <name>', BACKEND)
    .option('--memory-limit <mb>', MEMORY)
    .option('--code <recipe>', 'print code that does it: layer-functional, layer-frozen …')
    .option('--language <language>', 'typescript (default)')
    .option(
      '--runtime <runtime>',
      'of that code: tfjs (default), tfjs-node, browser, auto (as the nearest package.json has it)',
    )
    .action(compose);
  return program;
}
