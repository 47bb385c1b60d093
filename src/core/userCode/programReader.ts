/** Reads a program each time it changes. What reading takes is loaded when the first program with a model is read. */
import type { ParsedText } from './incrementalParse';
import type { ProgramLanguage } from './program';
import type { ProgramModels } from './programModels';

export const NO_MODELS: ProgramModels = { loads: [], uses: [] };

/** Longer programs are generated ones. */
const MAX_LENGTH = 2_000_000;
const SIGNS = /\bload(?:LayersModel|GraphModel|_model)\b|(?:\/\/|\/\*|#)[/*# \t]{0,8}model:[ \t]/i;

/** Whether a text can hold a model at all: a search, so that files without one cost nothing. */
export function mayLoadModel(text: string): boolean {
  return text.length <= MAX_LENGTH && SIGNS.test(text);
}

/** Reads the versions of one program, one after the other. */
export class ProgramReader {
  private parsed: ParsedText | null = null;

  constructor(readonly language: ProgramLanguage) {}

  /** Places are in the order of the text. */
  async read(text: string): Promise<ProgramModels> {
    if (!mayLoadModel(text)) {
      this.parsed = null;
      return NO_MODELS;
    }
    const [{ parserFor }, { parseAgain }, { closeOpenStrings }, { modelsOf }] = await Promise.all([
      import('./parsers'),
      import('./incrementalParse'),
      import('./closeOpenStrings'),
      import('./programModels'),
    ]);
    const parser = await parserFor(this.language);
    const source = this.language === 'python' ? closeOpenStrings(text) : null;
    try {
      this.parsed = parseAgain(parser, source?.text ?? text, this.parsed);
      return this.parsed ? modelsOf(this.parsed.tree, text, this.language, source) : NO_MODELS;
    } catch (error) {
      this.parsed = null;
      // the trees that the parser makes of very broken text can be broken themselves
      if (error instanceof TypeError || error instanceof RangeError) return NO_MODELS;
      throw error;
    }
  }
}
