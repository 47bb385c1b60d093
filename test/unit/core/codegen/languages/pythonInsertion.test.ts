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
expected = dump(text)
bad = []
for cursor, result in enumerate(results):
    try:
        if dump(result) != expected: bad.append([cursor, "changed"])
        elif count(result) != 2: bad.append([cursor, "lost"])
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
