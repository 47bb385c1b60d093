/** What generated code is made of. */
import type { CodeLanguage } from './recipe';

export interface SnippetImport {
  module: string;
  /** Named imports: `import { a } from 'module'`, `from module import a`. */
  names: string[];
  /** `import * as namespace from 'module'`, `import module as namespace`; Python's `import module` has neither. */
  namespace?: string;
}

export interface CodeSnippet {
  language: CodeLanguage;
  imports: SnippetImport[];
  /** Code to stand anywhere in a file that has the imports. */
  body: string;
  /** The same without types, for JavaScript; Python's body. */
  untyped: string;
  /** A whole file: the imports, and (in TypeScript) the functions exported. */
  text: string;
}
