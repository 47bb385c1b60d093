/** Checks generated TypeScript with the real compiler against the real types, and runs it with plain `@tensorflow/tfjs`. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import ts from 'typescript';

const root = path.join(__dirname, '../../../..');

/** Errors of all files, compiled as one program; the files stand inside the repository, where the types are found. */
export function compileErrors(files: ReadonlyMap<string, string>): string[] {
  mkdirSync(path.join(root, '.cache'), { recursive: true });
  const folder = mkdtempSync(path.join(root, '.cache', 'codegen-'));
  try {
    const names = [...files.keys()].map((name) => path.join(folder, name));
    for (const [name, text] of files) writeFileSync(path.join(folder, name), text);
    const program = ts.createProgram(names, {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      strict: true,
      noUncheckedIndexedAccess: true,
      noImplicitOverride: true,
      exactOptionalPropertyTypes: true,
      noImplicitReturns: true,
      noUnusedLocals: true,
      noUnusedParameters: true,
      skipLibCheck: true,
      noEmit: true,
      types: ['node'],
      typeRoots: [path.join(root, 'node_modules/@types')],
      allowJs: true,
      checkJs: false,
    });
    return ts.getPreEmitDiagnostics(program).map(({ file, messageText, start }) => {
      const at =
        file && start !== undefined
          ? `${path.basename(file.fileName)}:${file.getLineAndCharacterOfPosition(start).line + 1}`
          : '';
      return `${at} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const require = createRequire(path.join(root, 'x.js'));

/**
 * The exports of a generated module.
 * @param given packages that it gets instead of the real ones.
 */
export function runModule(text: string, given: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const module = { exports: {} as Record<string, unknown> };
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the text under test
  new Function('module', 'exports', 'require', outputText)(module, module.exports, (name: string) =>
    Object.hasOwn(given, name) ? given[name] : require(name),
  );
  return module.exports;
}
