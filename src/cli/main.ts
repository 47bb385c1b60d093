/** `model-slicer`: the command line. */
import { CommanderError } from 'commander';
import { SlicerError } from '../core/errors';
import { asSlicerError, errorJson, EXIT, exitCodeOf, hasAnswered, printError, printJson } from './output';
import { buildProgram } from './program';

async function main(args: string[]): Promise<number> {
  const debug = args.includes('--debug');
  const program = buildProgram(args);
  try {
    if (!args.some((arg) => !arg.startsWith('-') || arg === '--help' || arg === '--version'))
      throw new SlicerError('usage', {
        detail: 'Say what to do: inspect, run, slice, verify, code, stub or compose; --help says more.',
      });
    await program.parseAsync(args, { from: 'user' });
    return EXIT.done;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT.done;
    const error = thrown instanceof CommanderError ? usageError(thrown) : asSlicerError(thrown);
    printError(error, debug);
    if (args.includes('--json') && !hasAnswered()) await printJson({ error: errorJson(error) });
    return exitCodeOf(error);
  }
}

function usageError(error: CommanderError): SlicerError {
  const detail = error.message.replace(/^error: /, '').replace(/\n/g, ' ');
  return new SlicerError('usage', {
    detail: `${detail.charAt(0).toUpperCase()}${detail.slice(1)}${/[.?)]$/.test(detail) ? '' : '.'} See --help.`,
  });
}

// `| head` closes the pipe when it has enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done);
});

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
