import { stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { customLayerStub, type StubLanguage } from '../../core/codegen/stub';
import { SlicerError } from '../../core/errors';
import { print, printJson, warn } from '../output';
import { Session, type SessionOptions } from '../session';

export interface StubOptions extends SessionOptions {
  language?: string;
  to?: string;
  force?: boolean;
  json?: boolean;
}

const ENDINGS: Readonly<Record<string, StubLanguage>> = {
  '.ts': 'typescript',
  '.mts': 'typescript',
  '.cts': 'typescript',
  '.mjs': 'mjs',
  '.cjs': 'cjs',
  '.js': 'cjs',
};

export async function stub(file: string, layer: string, options: StubOptions): Promise<void> {
  const { to } = options;
  const language = languageOf(options);
  await Session.with(file, options, async ({ model }) => {
    const { text, className, layers } = customLayerStub(model, layer, language);
    if (to !== undefined) await save(to, text, options.force === true);
    if (options.json)
      await printJson({ className, layers, language, code: text, ...(to === undefined ? {} : { written: to }) });
    else if (to === undefined) await print(text);
    else {
      const then = language === 'typescript' ? 'compile it, and give the JavaScript' : 'give it';
      warn(`written: ${to}; write call() in it, ${then} with --custom-layers.`);
    }
  });
}

function languageOf({ language, to }: StubOptions): StubLanguage {
  const extension = to === undefined ? '' : path.extname(to).toLowerCase();
  const byName = Object.hasOwn(ENDINGS, extension) ? ENDINGS[extension] : undefined;
  if (to !== undefined && !byName)
    throw new SlicerError('usage', {
      detail: `--to is a file that ends in ${Object.keys(ENDINGS).join(', ')}, not ${to}.`,
    });
  if (language !== undefined && language !== 'typescript' && language !== 'javascript')
    throw new SlicerError('usage', { detail: `--language is typescript or javascript, not ${language}.` });
  const wanted = language === 'typescript' ? 'typescript' : language === 'javascript' ? 'cjs' : undefined;
  if (wanted && byName && (wanted === 'typescript') !== (byName === 'typescript'))
    throw new SlicerError('usage', { detail: `${to ?? ''} is no name of a ${language ?? ''} file.` });
  return byName ?? wanted ?? 'typescript';
}

async function save(target: string, text: string, force: boolean): Promise<void> {
  const file = path.basename(target);
  if (!force && (await stat(target).catch(() => null))) throw new SlicerError('target-exists', { file });
  await writeFile(target, text, { flag: force ? 'w' : 'wx' }).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SlicerError('write-failed', { file, reason }, { cause });
  });
}
