import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import type { CodeSnippet } from '../../../../../src/core/codegen/codeSnippet';
import { insertSnippet, type InsertionStyle } from '../../../../../src/core/codegen/insertion';
import { pythonWith } from '../pythonPrograms';

const snippet: CodeSnippet = {
  language: 'python',
  imports: [
    { module: 'typing', names: ['NamedTuple'] },
    { module: 'keras', names: [] },
    { module: 'numpy', names: [], namespace: 'np' },
  ],
  body: 'def load(path: str = "a.keras"):\n    """Loads."""\n    # "quoted"\n    return f"{path}" or "it\'s"\n\n\ndef other():\n    return 1\n',
  untyped: '',
  text: '',
};
const python: InsertionStyle = { language: 'python' };

function applied(text: string, cursor: number, style = python, inserted = snippet): string {
  const edits = insertSnippet(text, cursor, inserted, style)?.edits ?? [];
  edits.forEach((edit, i) => expect(edit.start).toBeGreaterThanOrEqual(edits[i - 1]?.end ?? 0));
  return [...edits]
    .reverse()
    .reduce((result, { start, end, text: written }) => result.slice(0, start) + written + result.slice(end), text);
}

/** `|` is the cursor. */
function insert(text: string, style = python): string {
  const cursor = text.indexOf('|');
  return applied(text.replace('|', ''), cursor, style);
}

const IMPORTS = 'from typing import NamedTuple\n\nimport keras\nimport numpy as np\n';
const BODY = snippet.body;

test('an empty file', () => {
  expect(insert('|')).toBe(`${IMPORTS}\n\n${BODY}`);
});

test('behind the docstring, comments and `from __future__`', () => {
  const head =
    '#!/usr/bin/env python3\n# licence\n"""A program.\n\nimport nothing\n"""\n\nfrom __future__ import annotations\n';
  expect(insert(`${head}|`)).toBe(`${head}\n${IMPORTS}\n\n${BODY}`);
});

test('imports that are there are not repeated, names are added to the statement that imports others', () => {
  const head =
    'import os\nfrom typing import (\n    Any,\n    Optional,\n)\n\nimport numpy as np\nfrom tensorflow import keras\n';
  expect(insert(`${head}\nx = 1\n|`)).toBe(
    `import os\nfrom typing import (\n    Any,\n    Optional,\n    NamedTuple,\n)\n\nimport numpy as np\nfrom tensorflow import keras\n\nx = 1\n\n\n${BODY}`,
  );
});

test.each([
  ['from typing import Any', 'from typing import Any, NamedTuple'],
  ['from typing import Any  # why', 'from typing import Any, NamedTuple  # why'],
  ['from typing import (Any, List)', 'from typing import (Any, List, NamedTuple)'],
  ['from typing import (\n    Any,\n    List\n)', 'from typing import (\n    Any,\n    List,\n    NamedTuple\n)'],
  ['from typing import *', 'from typing import *'],
])('%s', (line, expected) => {
  expect(insert(`${line}\nimport keras\nimport numpy as np\n\n\nx = 1\n|`)).toBe(
    `${expected}\nimport keras\nimport numpy as np\n\n\nx = 1\n\n\n${BODY}`,
  );
});

test('a name of another module is another name', () => {
  expect(insert('from other import NamedTuple as np\n|')).toContain('from typing import NamedTuple\n');
});

test('sections: the standard library first', () => {
  expect(insert('import os\n\nimport pandas as pd\n\npd.read_csv("a")\n|')).toBe(
    `import os\nfrom typing import NamedTuple\n\nimport pandas as pd\nimport keras\nimport numpy as np\n\npd.read_csv("a")\n\n\n${BODY}`,
  );
});

describe('the place', () => {
  test('below a statement of several lines', () => {
    expect(insert('x = call(\n    1,|\n    2,\n)\ny = 2\n')).toBe(
      `${IMPORTS}\nx = call(\n    1,\n    2,\n)\n\n\n${BODY}\n\ny = 2\n`,
    );
  });

  test('at the level of the statement, blank lines as in a function', () => {
    expect(insert('import keras\n\n\ndef a():\n    x = 1|\n    return x\n')).toContain(
      'def a():\n    x = 1\n\n    def load(path: str = "a.keras"):\n        """Loads."""\n        # "quoted"\n',
    );
  });

  test('an empty line between the lines of a block is in that block', () => {
    const result = insert('def a():\n    x = 1\n|\n    return x\n');
    expect(result).toContain('    x = 1\n\n    def load(');
    expect(result).toContain('        return 1\n\n    return x\n');
  });

  test('on the head of a function: behind the function, with its decorator', () => {
    const result = insert('@wrap|\ndef a():\n    return 1\n\nx = 2\n');
    expect(result).toContain(`@wrap\ndef a():\n    return 1\n\n\n${BODY}\n\nx = 2\n`);
  });

  test('never between `if` and its `else`', () => {
    const result = insert('if a:|\n    b()\n# or\nelse:\n    c()\nd()\n');
    expect(result).toContain(`else:\n    c()\n\n\n${BODY}\n\nd()\n`);
  });

  test('a cursor among the imports does not split them', () => {
    const result = insert('import a|\nimport b\n\nx = 1\n');
    expect(result.indexOf('def load')).toBeGreaterThan(result.indexOf('import numpy'));
    expect(result.indexOf('import numpy')).toBeGreaterThan(result.indexOf('import b'));
  });

  test('what looks like code inside a string is a string', () => {
    const result = insert('text = """\nimport keras\n\n|\n"""\n');
    expect(result).toContain('import keras\nimport numpy as np\n');
    expect(result).toContain(`"""\n\n\n${BODY}`);
  });
});

test('indentation, quotes and line ends are those of the file', () => {
  const result = insert("import keras\r\n\r\n\r\ndef a():\r\n\tprint('b', 'c')\r\n\t|\r\n\treturn 'd'\r\n");
  expect(result).toContain(
    '\tdef load(path: str = \'a.keras\'):\r\n\t\t"""Loads."""\r\n\t\t# "quoted"\r\n\t\treturn f\'{path}\' or "it\'s"\r\n',
  );
  expect(result.replace(/\r\n/g, '')).not.toContain('\n');
});

test('two spaces', () => {
  expect(insert("def a():\n  return 'b'\n|")).toContain('\n  """Loads."""\n');
});

test.each([
  ['import keras as k', 'k.load('],
  ['from tensorflow import keras', 'keras.load('],
  ['from tensorflow import keras as tk', 'tk.load('],
  ['import tensorflow.keras as tk', 'tk.load('],
])('a module is called as the file calls it: %s', (line, call) => {
  const calls = {
    ...snippet,
    imports: [{ module: 'keras', names: [] }],
    body: 'def load():\n    return keras.load(keras=1).keras\n',
  };
  const result = applied(`${line}\n`, line.length + 1, python, calls);
  expect(result).toContain(`return ${call}keras=1).keras`);
  expect(result.match(/import/g)).toHaveLength(1);
});

test('what is imported for types only is imported', () => {
  expect(insert('from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import keras\n|')).toMatch(
    /^import keras$/m,
  );
});

test('what was imported by trying is not imported again', () => {
  const text = 'try:\n    import keras\n# or\nexcept ImportError:\n    from tensorflow import keras\n';
  expect(insert(`${text}|`).match(/import keras/g)).toHaveLength(2);
});

test('a name that is something else is left alone', () => {
  const calls = {
    ...snippet,
    imports: [{ module: 'numpy', names: [], namespace: 'np' }],
    body: 'def load():\n    return np.a\n',
  };
  const result = applied('np = 1\n', 7, python, calls);
  expect(result).toContain('import numpy as np2\n');
  expect(result).toContain('return np2.a\n');
});

describe('names that are taken', () => {
  test.each([
    'def load(): pass\n',
    'load = 1\n',
    'a, (load, *b) = c\n',
    'from x import load\n',
    'import load.x\n',
    'import x as load\n',
    'for load in x: pass\n',
    'with a as load: pass\n',
    'class load: pass\n',
    '@a\ndef load(): pass\n',
    'if (load := 1): pass\n',
    'load: int = 1\n',
  ])('get another one: %j', (text) => {
    const inserted = insertSnippet(text, text.length, snippet, python);
    expect(inserted?.renamed).toEqual([{ from: 'load', to: 'load2' }]);
    expect(inserted?.code).toContain('def load2(path');
  });
  test.each([
    'def a(load): load = 1\n',
    'class A:\n    load = 1\n    def load(self): pass\n',
    'a.load = 1\n',
    'a(load=1)\n',
    'import x.load\n',
    'import load as x\n',
    'from load import x\n',
    'print(load)\n',
  ])('not taken: %j', (text) => {
    expect(insertSnippet(text, text.length, snippet, python)?.renamed).toEqual([]);
  });
  test('a function that is there word for word is used', () => {
    const text = 'def other():\n\treturn 1  # one\n';
    expect(insertSnippet(text, text.length, snippet, python)).toMatchObject({ reused: ['other'], renamed: [] });
  });
});

describe('in a class', () => {
  test('never a method: behind the class', () => {
    const result = insert('class A:\n    x = 1\n|\n    def b(self):\n        pass\n\n\ny = 1\n');
    expect(result).toContain(`        pass\n\n\n${BODY}\n\ny = 1\n`);
  });
  test('in a method, inside of it', () => {
    const result = insert('class A:\n    def b(self):\n        x = 1|\n        return x\n');
    expect(result).toContain('        x = 1\n\n        def load(');
  });
});

test('imports and names of cells before it hold', () => {
  const before =
    '%matplotlib inline\nimport keras\nimport numpy as np\nfrom typing import NamedTuple\ndef other(): pass\n';
  const inserted = insertSnippet('', 0, snippet, { ...python, before });
  expect(inserted?.edits.map(({ text }) => text).join('')).not.toContain('import');
  expect(inserted?.renamed).toEqual([{ from: 'other', to: 'other2' }]);
});

const FILES = [
  '"""Doc."""\n\nimport os, sys\nfrom typing import (\n    Any,  # why\n)\n\nx = """\ndef no():\n  "quoted"\n"""\n\n\n@wrap\n@other(\n    1)\ndef a(b,\n      c=")"):\n    """Doc\n\n    more"""\n\n    if b:\n        c()\n\n    # comment\n    elif c:\n        pass\n\n    else: d()\n\n    return {\n        "a": [1,\n              2],\n    }\n\nclass B:\n    y = 1; z = 2\n\n    def m(self):\n        try:\n            pass\n        except ValueError:\n            pass\n        finally:\n            pass\n\n\nfor i in range(3):\n    print(f"{i}: {\'x\'}")  # it\'s\nprint("end")',
  'x = 1\n\n\n\n\n\nwith a as b, \\\n     c as d:\n\n    pass\n\n  # odd comment\nwhile True:\n\tbreak\n\n\n',
  '# only a comment\n',
  'r"""raw \\ doc"""\nfrom __future__ import annotations\nimport numpy as np; import keras\nlambda: 0\nmatch x:\n    case 1:\n        pass\n    case _:\n        pass\n',
];

const interpreter = pythonWith('ast');

describe.skipIf(interpreter === null)(
  'wherever the cursor is, the program stays the same beside what was inserted',
  () => {
    test.each(FILES)('%j', (text) => {
      const results = Array.from({ length: text.length + 1 }, (_, cursor) => applied(text, cursor));
      const program = `
import ast, json, sys
text, results = json.load(sys.stdin)
NEW = {"load", "other"}
class Strip(ast.NodeTransformer):
    def visit_FunctionDef(self, node):
        return None if node.name in NEW else self.generic_visit(node)
    def visit_Import(self, node):
        node.names = [a for a in node.names if a.name not in ("keras", "numpy")]
        return node if node.names else None
    def visit_ImportFrom(self, node):
        node.names = [a for a in node.names if a.name != "NamedTuple"]
        return node if node.names else None
def dump(source):
    return ast.dump(Strip().visit(ast.parse(source)))
def count(source):
    names = [n.name for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)]
    return sum(n in NEW for n in names)
def methods(source):
    return [f.name for c in ast.walk(ast.parse(source)) if isinstance(c, ast.ClassDef) for f in c.body if isinstance(f, ast.FunctionDef) and f.name in NEW]
expected = dump(text)
bad = []
for cursor, result in enumerate(results):
    try:
        if dump(result) != expected: bad.append([cursor, "changed"])
        elif count(result) != 2: bad.append([cursor, "lost"])
        elif methods(result): bad.append([cursor, "methods"])
    except SyntaxError as error:
        bad.append([cursor, str(error)])
print(json.dumps(bad))
`;
      const output = execFileSync(interpreter ?? '', ['-c', program], {
        input: JSON.stringify([text, results]),
        encoding: 'utf8',
      });
      const bad = JSON.parse(output) as [number, string][];
      const [first] = bad;
      expect(bad, first ? `${first[1]}\n${results[first[0]]}` : '').toEqual([]);
    });
  },
);
