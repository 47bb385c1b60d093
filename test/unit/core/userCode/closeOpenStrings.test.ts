import { describe, expect, it } from 'vitest';
import { closeOpenStrings } from '../../../../src/core/userCode/closeOpenStrings';

describe('open strings of Python', () => {
  const table: [string, string, string][] = [
    ['all closed', "a = 'x' + \"it's\"  # don't\n", "a = 'x' + \"it's\"  # don't\n"],
    ['one at the end of a line', "f(g('con\nb = 1\n", "f(g('con'))\nb = 1\n"],
    ['one at the end of the text', 'm.get_layer(name="', 'm.get_layer(name="")'],
    ['with CRLF', "f('a\r\nb", "f('a')\r\nb"],
    ['escapes', "a = 'it\\'s'\nb = 'x\\\ny'\n", "a = 'it\\'s'\nb = 'x\\\ny'\n"],
    ['long strings', "'''it's\n(\"'''\nf('a\n", "'''it's\n(\"'''\nf('a')\n"],
    ['a long string without an end', "a = '''x\n'y\n", "a = '''x\n'y\n"],
    ['brackets of earlier lines stay open', "f(\n  'a\n)", "f(\n  'a'\n)"],
    ['what closes nothing', ")]f('a\n", ")]f('a')\n"],
  ];
  it.each(table)('%s', (_, text, closed) => {
    expect(closeOpenStrings(text).text).toBe(closed);
  });

  it('tells where everything was', () => {
    const text = "f('a\ng('b\nh";
    const { text: closed, original, added } = closeOpenStrings(text);
    const kept = [...closed].map((_, i) => i).filter((i) => !added(i));
    expect(kept.map((i) => closed[i]).join('')).toBe(text);
    expect(kept.map(original)).toEqual([...text].map((_, i) => i));
    expect(original(closed.length)).toBe(text.length);
  });
});
