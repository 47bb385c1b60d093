/** Paths of models as programs write them. */

/**
 * `from: 'program'`: a path from the program's own folder (`__dirname`, `Path(__file__).parent`, `import.meta.url`).
 * `anywhere`: from wherever the program is started.
 */
export interface ModelPath {
  /** With `/` between its parts; `C:/…` and `/…` are absolute. */
  text: string;
  from: 'anywhere' | 'program';
}

const MODEL_FILE = /\.(?:json|keras|h5|hdf5)$/i;
/** `file:` paths are read as TF.js reads them: what follows the two slashes, absolute or not. */
const FILE_SCHEME = /^file:\/\//i;
const OTHER_SCHEME = /^[a-z][a-z0-9+.-]+:\/\//i;
const MAX_LENGTH = 4096;

/** The path of a model file; null for what is none, or lies elsewhere (`https://`, `indexeddb://`). */
export function modelPath({ text, from }: ModelPath): ModelPath | null {
  if (text.length > MAX_LENGTH) return null;
  let path = text.trim();
  if (FILE_SCHEME.test(path)) {
    path = path.replace(FILE_SCHEME, '');
    // file:///C:/models
    if (/^\/[a-z]:/i.test(path)) path = path.slice(1);
  } else if (OTHER_SCHEME.test(path)) return null;
  path = path.replaceAll('\\', '/');
  if (!MODEL_FILE.test(path) || /[\0\n\r]/.test(path)) return null;
  return { text: path, from };
}

/** One path after the other; an absolute one starts anew. */
export function joinPaths(parts: readonly ModelPath[]): ModelPath {
  return parts.reduce(
    (left, right) => {
      if (left.text === '' && left.from === 'anywhere') return right;
      if (right.from === 'program' || isAbsolute(right.text)) return right;
      return {
        text: left.text === '' ? right.text : `${left.text.replace(/[/\\]+$/, '')}/${right.text}`,
        from: left.from,
      };
    },
    { text: '', from: 'anywhere' } as ModelPath,
  );
}

export function isAbsolute(text: string): boolean {
  return /^(?:[/\\]|[a-z]:[/\\])/i.test(text);
}
