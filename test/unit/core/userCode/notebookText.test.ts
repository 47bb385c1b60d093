import { expect, it } from 'vitest';
import { withoutMagics } from '../../../../src/core/userCode/notebookText';

it.each([
  ['a = 1\n%matplotlib inline\n  !pip install x\nb = 7 % 2', 'a = 1\n                  \n                \nb = 7 % 2'],
  ['%%time\na = 1', '      \na = 1'],
  ["%%bash\necho 'it\r\n", '      \n        \r\n'],
])('magics are no Python: %j', (cell, python) => {
  expect(withoutMagics(cell)).toBe(python);
});
