/** The parsers of the languages, each loaded when it is first needed. */
import type { Parser } from '@lezer/common';
import type { ProgramLanguage } from './program';

const loaded = new Map<ProgramLanguage, Promise<Parser>>();

export function parserFor(language: ProgramLanguage): Promise<Parser> {
  let parser = loaded.get(language);
  if (!parser) {
    parser = load(language);
    loaded.set(language, parser);
  }
  return parser;
}

async function load(language: ProgramLanguage): Promise<Parser> {
  if (language === 'python') return (await import('@lezer/python')).parser;
  const { parser } = await import('@lezer/javascript');
  switch (language) {
    case 'typescript':
      return parser.configure({ dialect: 'ts' });
    case 'typescriptreact':
      return parser.configure({ dialect: 'ts jsx' });
    case 'javascript':
    case 'javascriptreact':
      return parser.configure({ dialect: 'jsx' });
  }
}
