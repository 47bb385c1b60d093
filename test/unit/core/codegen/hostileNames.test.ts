/** Whatever a file calls its layers: the names are data in the code, in every recipe and both languages. */
import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import ts from 'typescript';
import { expect, test } from 'vitest';
import type { CodeLanguage } from '../../../../src/core/codegen/recipe';
import { fitRecipe, recipes } from '../../../../src/core/codegen/recipes';
import { SlicerError } from '../../../../src/core/errors';
import { escapeName } from '../../../../src/core/model/address';
import type { ModelFile } from '../../../../src/core/model/modelFile';
import type { Cut } from '../../../../src/core/slicing/slice';
import { openJson } from '../formats/openFixture';
import { compileErrors } from './compile';
import { pythonWith } from './pythonPrograms';

const WORDS = [
  ...[
    "it's",
    '"',
    '"""',
    "'''",
    '\\',
    '\\"',
    "\\'",
    '\n',
    '\r',
    '\t',
    '\0',
    '${process.exit(7)}',
    '`',
    '*/',
    '/*',
    '//',
    '#',
  ],
  ...[
    '\u2028',
    '\u2029',
    '\u202e',
    '\u200b',
    '\ufeff',
    '\ud800',
    '😀',
    '日本語',
    'Ärger',
    'ß',
    '{x}',
    '%s',
    '</script>',
    '..',
    '',
    ' ',
  ],
  // words of both languages, globals, and what the code itself calls things
  ...[
    'class',
    'default',
    'await',
    'yield',
    'let',
    'static',
    'any',
    'undefined',
    'NaN',
    'eval',
    'arguments',
    'constructor',
  ],
  ...['None', 'def', 'lambda', 'print', 'self', 'match', '__init__', '__import__("os")', 'keras', 'np', 'Path', 'type'],
  ...[
    'tf',
    'model',
    'source',
    'extractor',
    'features',
    'flat',
    'scores',
    'base',
    'classes',
    'image',
    'batch',
    'expectShape',
  ],
  ...[
    'inputsOf',
    'layerAt',
    'SharedLayer',
    'callAgain',
    'copyWeights',
    'known',
    'layers',
    'taps',
    'slice',
    'copy',
    'shared',
  ],
  ...[
    'expect_shape',
    'layer_at',
    'reset_states',
    'without',
    'HeadTrainer',
    'path',
    'part',
    'segment',
    'values',
    'names',
  ],
  ...[
    'visit',
    'value',
    'mask',
    'kwargs',
    'record',
    'save',
    'epoch',
    'batches',
    'everyBatches',
    'prefix',
    'range',
    'only',
  ],
  ...['process', 'require', 'module', 'exports', 'Map', 'Error', 'JSON', 'Promise', 'Object', '__proto__', 'toString'],
];

const nameArbitrary = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...WORDS) },
  { weight: 2, arbitrary: fc.array(fc.constantFrom(...WORDS), { maxLength: 4 }).map((words) => words.join('')) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
);

/** A picture, two layers and a norm, named in the given way; null where the file is refused. */
function modelWith(names: readonly string[]): ModelFile | null {
  const [model = '', photo = '', first = '', norm = '', last = ''] = names;
  const layer = (name: string, className: string, config: object): object => ({
    class_name: className,
    config: { name, trainable: true, dtype: 'float32', ...config },
  });
  const layers = [
    layer(photo, 'InputLayer', { batch_input_shape: [null, 4, 4, 3], sparse: false }),
    layer(first, 'Activation', { activation: 'relu' }),
    layer(norm, 'BatchNormalization', { axis: [3], momentum: 0.9, epsilon: 0.001, center: true, scale: true }),
    layer(last, 'Activation', { activation: 'tanh' }),
  ];
  const weights = ['gamma', 'beta', 'moving_mean', 'moving_variance'];
  try {
    return openJson(
      {
        format: 'layers-model',
        modelTopology: {
          keras_version: '2.15.0',
          model_config: { class_name: 'Sequential', config: { name: model, layers } },
        },
        weightsManifest: [
          {
            paths: ['w.bin'],
            weights: weights.map((part) => ({ name: `${norm}/${part}`, shape: [3], dtype: 'float32' })),
          },
        ],
      },
      { 'w.bin': 48 },
    );
  } catch (error) {
    if (error instanceof SlicerError) return null;
    throw error;
  }
}

function textsOf(model: ModelFile, names: readonly string[], language: CodeLanguage): string[] {
  const [, , first = '', norm = '', last = ''] = names.map(escapeName);
  const cuts: Cut[] = [
    { outputs: [norm], inputs: [] },
    { outputs: [first, last], inputs: [] },
    { outputs: [], inputs: [first] },
  ];
  return cuts.flatMap((cut) =>
    recipes.flatMap(({ id }) => {
      const fit = fitRecipe(model, cut, { recipe: id, language, modelPath: `./${names[0] ?? ''}/model.json` });
      return fit.fits ? [fit.writer.write(fit.task).text] : [];
    }),
  );
}

/** Models from all of the arbitrary's ways, the same at each run of the tests. */
function samples(count: number): { model: ModelFile; names: string[] }[] {
  const five = fc.uniqueArray(nameArbitrary, { minLength: 5, maxLength: 5 });
  return fc.sample(five, { numRuns: count, seed: 7 }).flatMap((names) => {
    const model = modelWith(names);
    return model ? [{ model, names }] : [];
  });
}

/** Characters that show text in another order than it runs, or end a line unseen. */
const UNSEEN = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

test('samples are of every kind', () => {
  const names = samples(60).flatMap((sample) => sample.names);
  expect(names.length).toBeGreaterThan(100);
  for (const wanted of ["'", '"', '\\', '\n', '${', '`', '*/'])
    expect(names.some((name) => name.includes(wanted))).toBe(true);
});

test('TypeScript compiles strictly, and holds nothing but declarations', () => {
  const texts = samples(60).flatMap(({ model, names }) => textsOf(model, names, 'typescript'));
  expect(texts.length).toBeGreaterThan(500);
  for (const text of texts) {
    expect(text).not.toMatch(UNSEEN);
    const file = ts.createSourceFile('x.ts', text, ts.ScriptTarget.ES2022, true);
    for (const statement of file.statements) expect(isDeclaration(statement), statement.getText()).toBe(true);
    expect(called(file).filter((name) => ['eval', 'require', 'Function', 'process'].includes(name))).toEqual([]);
  }
  // compiling all of them takes minutes
  const some = texts.filter((_, i) => i % 7 === 0).map((text, i) => [`hostile-${i}.ts`, text] as const);
  expect(compileErrors(new Map(some))).toEqual([]);
}, 180_000);

function isDeclaration(statement: ts.Statement): boolean {
  return (
    ts.isImportDeclaration(statement) ||
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    (ts.isVariableStatement(statement) && statement.getText().startsWith('export const extract')) ||
    /^tf\.serialization\.registerClass\(\w+\);$/.test(statement.getText())
  );
}

function called(file: ts.SourceFile): string[] {
  const names: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) || ts.isNewExpression(node))
      names.push(node.expression.getText().split('.')[0] ?? '');
    ts.forEachChild(node, visit);
  };
  visit(file);
  return names;
}

const python = pythonWith('ast');

test.skipIf(python === null)('Python parses, and holds nothing but declarations', () => {
  const texts = samples(60).flatMap(({ model, names }) => textsOf(model, names, 'python'));
  expect(texts.length).toBeGreaterThan(500);
  for (const text of texts) expect(text).not.toMatch(UNSEEN);
  const program = `
import ast, builtins, json, sys
KINDS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
ALLOWED = {"len", "next", "list", "dict", "zip", "range", "enumerate", "isinstance", "getattr", "super", "tuple", "id", "any", "all", "sum", "iter", "ValueError", "property", "classmethod", "str", "int", "float", "bool"}
bad = []
for text in json.load(sys.stdin):
    try: tree = ast.parse(text)
    except SyntaxError as error:
        bad.append([text, str(error)])
        continue
    if not all(isinstance(node, KINDS) for node in tree.body): bad.append([text, "statements"])
    own = [n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    if len(own) != len(set(own)) or set(own) & (set(dir(builtins)) | {"keras", "np"}): bad.append([text, f"names {own}"])
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)):
        given = [a.arg for a in function.args.args]
        if len(given) != len(set(given)): bad.append([text, f"parameters {given}"])
    calls = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    foreign = {name for name in calls if name in dir(builtins)} - ALLOWED
    if foreign: bad.append([text, f"calls {foreign}"])
print(json.dumps(bad[:3]))`;
  const input = JSON.stringify(texts);
  expect(JSON.parse(execFileSync(python ?? '', ['-c', program], { input, encoding: 'utf8' }))).toEqual([]);
});
