import { describe, expect, it } from 'vitest';
import type { ProgramLanguage } from '../../../../src/core/userCode/program';
import { mayLoadModel, ProgramReader } from '../../../../src/core/userCode/programReader';

/** Loads as `path`, uses as `path > step > step`, each with what stands there in the text. */
async function read(text: string, language: ProgramLanguage): Promise<{ loads: string[]; uses: string[] }> {
  const { loads, uses } = await new ProgramReader(language).read(text);
  return {
    loads: loads.map(({ path, kind }) => `${kind} ${path.from === 'program' ? '<here>/' : ''}${path.text}`),
    uses: uses.map(({ load, steps, from, to }) => {
      const way = steps.map((step) => (step.by === 'name' ? step.name : `[${step.index}]`));
      return [load.path.text, ...way].join(' > ') + ` «${text.slice(from, to)}»`;
    }),
  };
}

const A = "const a = await tf.loadLayersModel('a.json');";

describe('TypeScript and JavaScript', () => {
  const table: [string, string, string[]][] = [
    ['a const', `${A}\na.getLayer('conv_1').output;`, ['a.json > conv_1 «conv_1»']],
    ['double quotes and a template', `${A}\na.getLayer("x"); a.getLayer(\`y\`);`, ['a.json > x «x»', 'a.json > y «y»']],
    ['escapes', `${A}\na.getLayer('it\\'s \\u{1f600}\\x41\\n');`, ["a.json > it's 😀A\n «it\\'s \\u{1f600}\\x41\\n»"]],
    ['a template with values', `${A}\na.getLayer(\`conv_\${i}\`);`, []],
    [
      'an object, an index',
      `${A}\na.getLayer({ name: 'x' }); a.getLayer(undefined, 3); a.getLayer(4);`,
      ['a.json > x «x»', 'a.json > [3] «3»', 'a.json > [4] «4»'],
    ],
    [
      'layers by index',
      `${A}\na.layers[4].output; a?.layers.at(-2); a.layers[i]; a.layers.slice(1);`,
      ['a.json > [4] «4»', 'a.json > [-2] «-2»'],
    ],
    [
      'casts, non-null, parentheses',
      `let m = (await tf.loadLayersModel('a.json')) as tf.LayersModel;\n(m as tf.Sequential)!.getLayer('x');`,
      ['a.json > x «x»'],
    ],
    [
      'satisfies, angle cast',
      `const m = <tf.LayersModel>(await tf.loadLayersModel('a.json') satisfies unknown);\nm.getLayer('x')`,
      ['a.json > x «x»'],
    ],
    [
      'nested, in one go and by a name',
      `${A}\na.getLayer('outer').getLayer('conv');\nconst inner = a.getLayer('outer') as tf.LayersModel;\ninner.layers[2];`,
      ['a.json > outer «outer»', 'a.json > outer > conv «conv»', 'a.json > outer «outer»', 'a.json > outer > [2] «2»'],
    ],
    ['an alias', `${A}\nconst b = a; b.getLayer('x');`, ['a.json > x «x»']],
    [
      'let and another function',
      `let model: tf.LayersModel | null = null;\nasync function init() { model = await tf.loadLayersModel('a.json'); }\nfunction use() { return model!.getLayer('x'); }`,
      ['a.json > x «x»'],
    ],
    [
      'a member',
      `class P { private model?: tf.LayersModel;\n async init() { this.model = await tf.loadLayersModel('a.json'); }\n run() { return [1].map(() => this.model!.getLayer('x')); } }`,
      ['a.json > x «x»'],
    ],
    [
      'a private member',
      `class P { #m = tf.loadLayersModel('a.json');\n async run() { (await this.#m).getLayer('x'); } }`,
      ['a.json > x «x»'],
    ],
    [
      'a member of an object',
      `const state: { m?: tf.LayersModel } = {};\nstate.m = await tf.loadLayersModel('a.json');\nstate.m.getLayer('x');`,
      ['a.json > x «x»'],
    ],
    ['then', `tf.loadLayersModel('a.json').then((m) => { m.getLayer('x'); });`, ['a.json > x «x»']],
    [
      'a function that gives it back',
      `async function load() { return tf.loadLayersModel('a.json'); }\nconst other = async () => await load();\nconst m = await other(); m.getLayer('x');`,
      ['a.json > x «x»'],
    ],
    [
      'an imported name',
      `import { loadLayersModel as load } from '@tensorflow/tfjs';\nconst m = await load('a.json'); m.getLayer('x');`,
      ['a.json > x «x»'],
    ],
    [
      'two models',
      `${A}\nconst b = await tf.loadLayersModel('b.json');\na.getLayer('x'); b.getLayer('y');`,
      ['a.json > x «x»', 'b.json > y «y»'],
    ],
    [
      'the nearest before',
      `let m = await tf.loadLayersModel('a.json');\nm.getLayer('x');\nm = await tf.loadLayersModel('b.json');\nm.getLayer('y');`,
      ['a.json > x «x»', 'b.json > y «y»'],
    ],
    [
      'one name in two scopes',
      `async function f() { ${A} a.getLayer('x'); }\nasync function g() { const a = await tf.loadLayersModel('b.json'); a.getLayer('y'); }`,
      ['a.json > x «x»', 'b.json > y «y»'],
    ],
    ['a parameter hides it', `${A}\nfunction f(a: tf.LayersModel) { a.getLayer('x'); }`, []],
    ['a block hides it', `${A}\n{ const a = other(); a.getLayer('x'); }\na.getLayer('y');`, ['a.json > y «y»']],
    [
      'a branch decides: nothing',
      `let m;\nif (big) m = await tf.loadLayersModel('a.json');\nelse m = await tf.loadLayersModel('b.json');\nm.getLayer('x');`,
      [],
    ],
    [
      'a condition decides: nothing',
      `const m = await (big ? tf.loadLayersModel('a.json') : tf.loadLayersModel('b.json'));\nm.getLayer('x');`,
      [],
    ],
    [
      'cases of a switch',
      `let m;\nswitch (k) { case 1: m = await tf.loadLayersModel('a.json'); break; case 2: m = await tf.loadLayersModel('b.json'); m.getLayer('x'); break; default: m.getLayer('y'); }\nm.getLayer('z');`,
      ['b.json > x «x»'],
    ],
    [
      'a loop comes back: nothing',
      `let m = await tf.loadLayersModel('a.json');\nfor (;;) { m.getLayer('x'); m = await tf.loadLayersModel('b.json'); }`,
      [],
    ],
    [
      'a try that fails leaves nothing',
      `let m = null;\ntry { m = await tf.loadLayersModel('a.json'); } catch { }\nm?.getLayer('x');`,
      ['a.json > x «x»'],
    ],
    [
      'unknown before: nothing',
      `let m = await other();\nif (b) m = await tf.loadLayersModel('a.json');\nm.getLayer('x');`,
      [],
    ],
    [
      'another function writes another: nothing',
      `let m: any;\nasync function f() { m = await tf.loadLayersModel('a.json'); }\nasync function g() { m = await tf.loadLayersModel('b.json'); }\nfunction h() { m.getLayer('x'); }`,
      [],
    ],
    [
      'destructuring is not followed',
      `const [m] = await Promise.all([tf.loadLayersModel('a.json')]);\nm.getLayer('x');`,
      [],
    ],
    [
      'assigned by destructuring: nothing',
      `let m = await tf.loadLayersModel('a.json');\n[m] = others;\nm.getLayer('x');`,
      [],
    ],
    ['a graph model has no layers', `const m = await tf.loadGraphModel('a.json'); m.getLayer('x');`, []],
    [
      'this of another function',
      `class P { m = tf.loadLayersModel('a.json'); f() { return function () { this.m.getLayer('x'); }; } }`,
      [],
    ],
    [
      'itself, in another form',
      `let m = await tf.loadLayersModel('a.json');\nm = m as tf.LayersModel;\nm.getLayer('x');`,
      ['a.json > x «x»'],
    ],
    ['a string with a blank at its end', `${A}\na.getLayer('my layer `, ['a.json > my layer  «my layer »']],
    ['CRLF', `${A}\r\na.getLayer('con\r\nprint(1)`, ['a.json > con «con»']],
    ['a cycle', `let a = b, b = a; tf.loadLayersModel('a.json'); a.getLayer('x');`, []],
    [
      '??=',
      `let m;\nasync function get() { m ??= await tf.loadLayersModel('a.json'); return m; }\n(await get()).getLayer('x'); `,
      ['a.json > x «x»'],
    ],
    [
      'while it is typed',
      `${A}\nfunction f() {\n  const x = a.getLayer('\n}\na.getLayer('y');`,
      ['a.json >  «»', 'a.json > y «y»'],
    ],
    [
      'while it is typed, before a call',
      `${A}\nconst x = a.getLayer('con\nprint(1)\na.getLayer('y');`,
      ['a.json > con «con»', 'a.json > y «y»'],
    ],
    ['at the end of the text', `${A}\na.getLayer("con`, ['a.json > con «con»']],
    [
      'before the bracket is closed',
      `${A}\na.getLayer('x'\nconst y = 1;\na.layers[2].output`,
      ['a.json > x «x»', 'a.json > [2] «2»'],
    ],
  ];
  it.each(table)('%s', async (_, text, uses) => {
    expect((await read(text, 'typescript')).uses).toEqual(uses);
  });

  it('JSX and plain JavaScript', async () => {
    const text = `export const V = () => { useEffect(() => { tf.loadLayersModel('a.json').then(m => m.getLayer('x')); }); return <b a={1}>it's</b>; };`;
    for (const language of ['typescriptreact', 'javascriptreact', 'javascript'] as const)
      expect((await read(text, language)).uses, language).toEqual(['a.json > x «x»']);
  });

  const paths: [string, string, string[]][] = [
    ['a name for it', "const P = './m/model.json'; tf.loadLayersModel(P);", ['layers ./m/model.json']],
    [
      'file://',
      "tf.loadLayersModel('file://./m/model.json'); tf.loadLayersModel('file:///m/model.json');",
      ['layers ./m/model.json', 'layers /m/model.json'],
    ],
    [
      'elsewhere',
      "tf.loadLayersModel('https://x/model.json'); tf.loadLayersModel('indexeddb://model.json'); tf.loadLayersModel(url);",
      [],
    ],
    [
      'path.join',
      "tf.loadLayersModel('file://' + path.join(__dirname, '..', 'm', 'model.json'));",
      ['layers <here>/../m/model.json'],
    ],
    [
      'a template',
      "const D = 'm'; tf.loadGraphModel(`file://${__dirname}/${D}/model.json`);",
      ['graph <here>/./m/model.json'],
    ],
    ['a URL', "tf.loadLayersModel(new URL('./model.json', import.meta.url).href);", ['layers <here>/./model.json']],
    [
      'dirname of the file',
      "const here = path.dirname(fileURLToPath(import.meta.url)); tf.loadLayersModel(`file://${path.resolve(here, 'model.json')}`);",
      ['layers <here>/model.json'],
    ],
    ['an IO handler', "tf.loadLayersModel(tf.io.fileSystem('./model.json'));", ['layers ./model.json']],
    ['no model', "tf.loadLayersModel('notes.txt')", []],
  ];
  it.each(paths)('path: %s', async (_, text, loads) => {
    expect((await read(text, 'typescript')).loads).toEqual(loads);
  });

  const comments: [string, string, string[]][] = [
    [
      'beside a parameter',
      "function f(\n  model: tf.LayersModel, // model: ./a.json\n  n: number) { model.getLayer('x'); }",
      ['./a.json > x «x»'],
    ],
    [
      'above a parameter list: the one that is a model',
      "// model: a.json\nfunction f(model, input) { model.getLayer('x'); input.getLayer('y'); }",
      ['a.json > x «x»'],
    ],
    [
      'above a declaration',
      "// model: 'my models/a.json'\nconst m = await get();\nm.getLayer('x');",
      ['my models/a.json > x «x»'],
    ],
    ['in a block comment', 'const m = build() /* model: a.keras */; m.layers[0];', ['a.keras > [0] «0»']],
    [
      'on a member',
      "class A {\n  // model: a.json\n  model: tf.LayersModel;\n  constructor(m) { this.model = m; }\n  f() { this.model.getLayer('x'); } }",
      ['a.json > x «x»'],
    ],
    [
      'for the whole file',
      "// model: a.json\nimport * as tf from 'x';\nimport { model } from './y';\nmodel.getLayer('x'); map.layers[3]; model.layers[1]; tf.sequential().getLayer('z');",
      ['a.json > x «x»', 'a.json > [1] «1»'],
    ],
    [
      'for the whole file, but a known one stays',
      `// model: b.json\n\n${A}\na.getLayer('x'); c.getLayer('y');`,
      ['a.json > x «x»', 'b.json > y «y»'],
    ],
    [
      'not for models that are built',
      "// model: a.json\n\nconst cut = tf.model({ inputs, outputs: model.getLayer('x').output });\ncut.getLayer('y');",
      ['a.json > x «x»'],
    ],
    ['two for the whole file: nothing', "// model: a.json\n\n// model: b.json\n\nm.getLayer('x');", []],
    ['prose is no path', "// model: the one we trained in May\n\nm.getLayer('x');", []],
  ];
  it.each(comments)('comment %s', async (_, text, uses) => {
    expect((await read(text, 'typescript')).uses).toEqual(uses);
  });
});

const B = "a = load_model('a.keras')";

describe('Python', () => {
  const table: [string, string, string[]][] = [
    ['a name', `${B}\na.get_layer("conv").output\n`, ['a.keras > conv «conv»']],
    [
      'keywords',
      `${B}\na.get_layer(name='x'); a.get_layer(index=3); a.get_layer(None, 2)`,
      ['a.keras > x «x»', 'a.keras > [3] «3»', 'a.keras > [2] «2»'],
    ],
    ['layers', `${B}\na.layers[-1].output; a.layers[:3]; a.layers[i]`, ['a.keras > [-1] «-1»']],
    ['escapes', `${B}\na.get_layer('\\x41\\101\\u00e9\\'\\q')`, ["a.keras > AAé'\\q «\\x41\\101\\u00e9\\'\\q»"]],
    ['bytes, raw and f-strings', `${B}\na.get_layer(b'x'); a.get_layer(f'conv_{i}'); a.get_layer(r'x')`, []],
    [
      'modules',
      "m = tf.keras.models.load_model('a.h5', compile=False)\nm.get_layer('x')\nn = keras.saving.load_model(filepath='b.keras')\nn.get_layer('y')",
      ['a.h5 > x «x»', 'b.keras > y «y»'],
    ],
    [
      'imported by another name',
      "from keras.models import load_model as lm\nm = lm('a.keras')\nm.get_layer('x')",
      ['a.keras > x «x»'],
    ],
    [
      "others' load_model",
      "m = mlflow.keras.load_model('a.keras')\nm.get_layer('x')\nn = self.load_model('b.keras')\nn.get_layer('y')",
      [],
    ],
    [
      "the program's own load_model",
      "def load_model(p):\n    return keras.models.load_model('b.keras')\nm = load_model('a.keras')\nm.get_layer('x')",
      ['b.keras > x «x»'],
    ],
    [
      'nested',
      `${B}\ninner = a.get_layer('outer')\ninner.get_layer('x')\na.layers[1].layers[2]`,
      ['a.keras > outer «outer»', 'a.keras > outer > x «x»', 'a.keras > [1] «1»', 'a.keras > [1] > [2] «2»'],
    ],
    [
      'self',
      `class P:\n    def __init__(self):\n        self.model = load_model('a.keras')\n    def run(self):\n        return self.model.get_layer('x')\n`,
      ['a.keras > x «x»'],
    ],
    [
      'a class body',
      `class P:\n    model = load_model('a.keras')\n    def run(self):\n        self.model.get_layer('x')\n        model.get_layer('y')\n`,
      ['a.keras > x «x»'],
    ],
    [
      'with, and a type',
      `with strategy.scope():\n    a: keras.Model = load_model('a.keras')\na.get_layer('x')`,
      ['a.keras > x «x»'],
    ],
    ['a function sees the module', `${B}\ndef f():\n    return a.get_layer('x')\n`, ['a.keras > x «x»']],
    ['an assignment makes it local', `${B}\ndef f():\n    a = other()\n    return a.get_layer('x')\n`, []],
    [
      'global',
      `model = None\ndef init():\n    global model\n    model = load_model('a.keras')\ndef f():\n    model.get_layer('x')\n`,
      ['a.keras > x «x»'],
    ],
    ['a parameter hides it', `${B}\ndef f(a):\n    a.get_layer('x')\n`, []],
    ['a loop hides it', `${B}\nfor a in models:\n    a.get_layer('x')\n`, []],
    [
      'a branch decides: nothing',
      `if big:\n    m = load_model('a.keras')\nelse:\n    m = load_model('b.keras')\nm.get_layer('x')\n`,
      [],
    ],
    ['one by one', `a, b = load_model('a.keras'), load_model('b.keras')\nb.get_layer('x')\n`, ['b.keras > x «x»']],
    ['walrus, lambda', `if (m := load_model('a.keras')):\n    f = lambda: m.get_layer('x')\n`, ['a.keras > x «x»']],
    ['comprehension', `${B}\n[a.get_layer('x') for i in y]; [a.get_layer('z') for a in y]`, ['a.keras > x «x»']],
    [
      'built models',
      `# model: b.keras\n\n${B}\ncut = keras.Model(a.input, a.get_layer('x').output)\ncut.get_layer('y')`,
      ['a.keras > x «x»'],
    ],
    ['while it is typed', `${B}\nx = a.get_layer('\ny = 1\na.get_layer("b")\n`, ['a.keras >  «»', 'a.keras > b «b»']],
    ['while it is typed, at the end', `${B}\nx = f(a.get_layer(name="con`, ['a.keras > con «con»']],
    [
      'a comment that holds a quote',
      `${B}\n# it's\na.get_layer('x')  # don't\n"""a "long" one's\n"""\na.get_layer('y')`,
      ['a.keras > x «x»', 'a.keras > y «y»'],
    ],
    [
      'a comment for the line above',
      `# model: models/m.keras\nm = build()\nm.get_layer('x')`,
      ['models/m.keras > x «x»'],
    ],
    ['a comment beside', `def f(model):  # model: m.h5\n    model.get_layer('x')`, ['m.h5 > x «x»']],
  ];
  it.each(table)('%s', async (_, text, uses) => {
    expect((await read(text, 'python')).uses).toEqual(uses);
  });

  const paths: [string, string, string[]][] = [
    ['os.path.join', "load_model(os.path.join('m', 'a.keras'))", ['layers m/a.keras']],
    [
      'beside the file',
      "D = os.path.dirname(os.path.abspath(__file__))\nload_model(os.path.join(D, 'a.keras'))",
      ['layers <here>/a.keras'],
    ],
    [
      'Path',
      "HERE = Path(__file__).resolve().parent\nload_model(HERE / 'm' / 'a.keras')\nload_model(str(Path('m') / 'b.h5'))",
      ['layers <here>/m/a.keras', 'layers m/b.h5'],
    ],
    ['a parent of the parent', "load_model(Path(__file__).parent.parent / 'a.keras')", ['layers <here>/../a.keras']],
    [
      'backslashes, pieces, f-strings',
      "D = 'm'\nload_model(r'm\\a.keras'); load_model('m/' 'b.h5'); load_model(f'{D}/c.h5')",
      ['layers m/a.keras', 'layers m/b.h5', 'layers m/c.h5'],
    ],
    ['a folder', "load_model('saved_model')", []],
  ];
  it.each(paths)('path: %s', async (_, text, loads) => {
    expect((await read(text, 'python')).loads).toEqual(loads);
  });
});

describe('what changes a model', () => {
  const table: [string, ProgramLanguage, string, boolean][] = [
    ['nothing', 'python', `${B}\na.layers[0].trainable = False\na.name = 'x'\nuser.name = 'y'`, false],
    ['pop', 'python', `${B}\na.pop()`, true],
    ['layers.pop', 'python', `${B}\na.layers.pop()`, true],
    ['renaming', 'python', `${B}\nfor layer in a.layers:\n    layer._name = layer.name + '_a'`, true],
    ['another list', 'python', `${B}\nrows.append(1)\nrows.pop()`, false],
    ['add', 'typescript', `${A}\na.add(tf.layers.dense({ units: 1 }));`, true],
    ['layers', 'typescript', `${A}\na.layers.splice(1, 2);`, true],
    ['an element', 'typescript', `${A}\na.layers[0] = b;`, true],
    ['a flag', 'typescript', `${A}\na.layers[0].trainable = false;`, false],
  ];
  it.each(table)('%s (%s)', async (_, language, text, changed) => {
    const { loads } = await new ProgramReader(language).read(text);
    expect(loads.map((load) => load.changed)).toEqual([changed]);
  });
});

it('looks for a sign of a model before it reads anything', () => {
  expect(mayLoadModel("map.getLayer('roads'); //  model: a.json")).toBe(true);
  expect(mayLoadModel("map.getLayer('roads').layers[3]; // a model")).toBe(false);
  expect(mayLoadModel('await reloadLayersModels()')).toBe(false);
});

describe('hostile programs end soon and say nothing wrong', () => {
  const many = 20_000;
  const programs: [string, ProgramLanguage, string][] = [
    ['brackets', 'typescript', `${A}\na.getLayer(${'('.repeat(many)}`],
    ['a chain', 'typescript', `${A}\na${".getLayer('x')".repeat(2000)}`],
    ['a sum', 'typescript', `tf.loadLayersModel(${"'a' + ".repeat(many)}'a.json')`],
    [
      'choices of itself',
      'typescript',
      `let m = tf.loadLayersModel('a.json');\n${'m = m ? m : m;\n'.repeat(500)}m.getLayer('x')`,
    ],
    ['open strings', 'python', `${B}\n${"a.get_layer('x\n".repeat(2000)}`],
    ['indents', 'python', `${B}\n${Array.from({ length: 500 }, (_, i) => `${' '.repeat(i)}if x:\n`).join('')}`],
    ['tuples', 'python', `${B}\nfor ${'('.repeat(many)}a${')'.repeat(many)} in x: a.get_layer('y')`],
  ];
  it.each(programs)('%s (%s)', async (_, language, text) => {
    await expect(new ProgramReader(language).read(text)).resolves.toBeDefined();
  });
});

describe('a program that is edited', () => {
  const versions: [ProgramLanguage, string[]][] = [
    [
      'typescript',
      [
        `${A}\nfunction f() {}\na.getLayer('x');`,
        `${A}\nfunction f() { a.getLayer('\n}\na.getLayer('x');`,
        `${A}\nfunction f() { a.getLayer('con') }\na.getLayer('x');`,
        "a.getLayer('x');",
        `${A}\na.getLayer('x');`,
      ],
    ],
    [
      'python',
      [
        `${B}\na.get_layer('x')\n`,
        `${B}\na.get_layer('\na.get_layer('x')\n`,
        `${B}\nif b:\n  a.get_layer('y')\na.get_layer('x')\n`,
      ],
    ],
  ];
  it.each(versions)('says the same as one that is new (%s)', async (language, texts) => {
    const reader = new ProgramReader(language);
    for (const text of texts) expect(await reader.read(text)).toEqual(await new ProgramReader(language).read(text));
  });
});
