/** Where a program gets TF.js from: what its own imports say, else its package.json. */
import type { CodeSnippet } from './codeSnippet';
import type { CodeOptions } from './codeTask';

export type CodeRuntime = CodeOptions['runtime'];
export const codeRuntimes: readonly CodeRuntime[] = ['tfjs', 'tfjs-node', 'browser'];

export interface ProjectRuntime {
  runtime: CodeRuntime;
  /** As the project has it: `@tensorflow/tfjs-node-gpu` is imported by that name. */
  module: string;
}

const PLAIN = '@tensorflow/tfjs';
const NODE = ['@tensorflow/tfjs-node', '@tensorflow/tfjs-node-gpu'];
/** What only projects whose code runs in a browser depend on. */
const BROWSER =
  /^(vite|webpack|webpack-dev-server|parcel|next|nuxt|astro|react-dom|react-scripts|preact|vue|svelte|solid-js|lit|@angular\/core|@sveltejs\/kit|@remix-run\/react|gatsby|@tensorflow\/tfjs-(vis|backend-webgl|backend-webgpu)|@tensorflow-models\/.*)$/;

/** @param packageJson as parsed, whatever it is; null where it says nothing of TF.js or of a browser. */
export function runtimeOfProject(packageJson: unknown): ProjectRuntime | null {
  if (typeof packageJson !== 'object' || packageJson === null) return null;
  const fields = new Map<string, unknown>(Object.entries(packageJson));
  const names = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'].flatMap((field) => {
    const listed = fields.get(field);
    return typeof listed === 'object' && listed !== null ? Object.keys(listed) : [];
  });
  const node = NODE.find((module) => names.includes(module));
  if (node !== undefined) return { runtime: 'tfjs-node', module: node };
  if (fields.has('browser') || fields.has('browserslist') || names.some((name) => BROWSER.test(name)))
    return { runtime: 'browser', module: PLAIN };
  return names.includes(PLAIN) ? { runtime: 'tfjs', module: PLAIN } : null;
}

/** What a file's own imports say; null where it imports no TF.js. */
export function runtimeOfCode(text: string): ProjectRuntime | null {
  const imported = [
    ...text.matchAll(/(?:\bfrom|\brequire\(|\bimport\(?)\s*['"](@tensorflow\/tfjs(?:-node(?:-gpu)?)?)['"]/g),
  ];
  const modules = imported.map((match) => match[1] ?? '');
  const node = modules.find((module) => NODE.includes(module));
  if (node !== undefined) return { runtime: 'tfjs-node', module: node };
  return modules.length > 0 ? { runtime: 'tfjs', module: PLAIN } : null;
}

/** The snippet with TF.js for Node by the name that the project has. */
export function withModule(snippet: CodeSnippet, module: string): CodeSnippet {
  if (snippet.language !== 'typescript' || !NODE.includes(module)) return snippet;
  const replaced = (text: string): string =>
    text.replace(
      /^(import \* as tf from ')@tensorflow\/tfjs-node(';)$/m,
      (_, head: string, tail: string) => head + module + tail,
    );
  return {
    ...snippet,
    text: replaced(snippet.text),
    imports: snippet.imports.map((item) => (NODE.includes(item.module) ? { ...item, module } : item)),
  };
}
