/** Paths as programs put them together, in the ways of Node, Python and the browser. */
import { joinPaths, type ModelPath } from './modelPath';
import type { Expression } from './program';

export type PathValue =
  | { kind: 'path'; path: ModelPath }
  /** The program's own file. */
  | { kind: 'file' }
  | { kind: 'unknown' };

/** What is known of a part; kinds of no path are left alone. */
type Part = PathValue | { kind: 'model' | 'nothing' | 'other' };

const UNKNOWN: PathValue = { kind: 'unknown' };

/** The path that a call gives; null when the function is none that makes one. */
export function pathOfCall(
  { callee, args }: Expression & { kind: 'call' },
  name: string,
  of: (expression: Expression) => Part,
): PathValue | null {
  const values = args.map(({ value }) => value);
  const [first] = values;
  const object = callee.kind === 'member' ? callee.object : null;
  const asPath = (expression: Expression): PathValue => pathOrUnknown(of(expression));
  switch (name) {
    case 'join':
      // 'text'.join(…) is another one
      return object?.kind === 'text' ? UNKNOWN : joined(values.map(of));
    case 'resolve':
    case 'absolute':
      if (object && values.length === 0) return asPath(object);
      return values.length > 0 ? joined(values.map(of)) : null;
    case 'joinpath':
      return object ? joined([object, ...values].map(of)) : null;
    case 'Path':
    case 'PurePath':
    case 'PosixPath':
      return joined(values.map(of));
    case 'dirname':
      return first ? folderOf(of(first)) : null;
    case 'fileSystem':
    case 'fileURLToPath':
    case 'pathToFileURL':
    case 'String':
    case 'str':
    case 'fspath':
    case 'abspath':
    case 'realpath':
    case 'normpath':
      return first ? asPath(first) : null;
    case 'toString':
    case 'as_posix':
      return object && values.length === 0 ? asPath(object) : null;
    case 'cwd':
    case 'getcwd':
      return { kind: 'path', path: { text: '', from: 'anywhere' } };
    default:
      return null;
  }
}

/** One path below the other. */
export function joined(values: readonly Part[]): PathValue {
  const [only] = values;
  if (values.length === 1 && only?.kind === 'file') return only;
  const paths = values.flatMap((value) => (value.kind === 'path' ? [value.path] : []));
  return paths.length === values.length && paths.length > 0 ? { kind: 'path', path: joinPaths(paths) } : UNKNOWN;
}

/** Texts one after the other. `file://` may stand before a folder of the program. */
export function summed(values: readonly Part[]): PathValue {
  let text = '';
  let from: ModelPath['from'] = 'anywhere';
  for (const value of values) {
    if (value.kind !== 'path') return UNKNOWN;
    if (value.path.from === 'program') {
      if (!/^(?:file:\/\/)?$/i.test(text)) return UNKNOWN;
      from = 'program';
      text = value.path.text === '' ? '.' : value.path.text;
    } else text += value.path.text;
  }
  return { kind: 'path', path: { text, from } };
}

export function folderOf(value: Part): PathValue {
  if (value.kind === 'file') return inProgram('');
  if (value.kind !== 'path') return UNKNOWN;
  return { kind: 'path', path: joinPaths([value.path, { text: '..', from: 'anywhere' }]) };
}

/** A path from the program's own folder. */
export function inProgram(text: string): PathValue {
  return { kind: 'path', path: { text, from: 'program' } };
}

function pathOrUnknown(value: Part): PathValue {
  return value.kind === 'path' || value.kind === 'file' ? value : UNKNOWN;
}
