/** What generated code is made of. */

export interface SnippetImport {
  module: string;
  /** Named imports. */
  names: string[];
  /** `import * as namespace`. */
  namespace?: string;
}

export interface CodeSnippet {
  imports: SnippetImport[];
  /** TypeScript to stand anywhere in a file that has the imports. */
  body: string;
  /** The same without types, for JavaScript. */
  untyped: string;
  /** A whole TypeScript file: the imports, and the functions exported. */
  text: string;
}
