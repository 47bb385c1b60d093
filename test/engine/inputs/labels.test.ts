import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findLabels } from '../../../src/engine/inputs/labels';
import { keras, teachableMachine } from '../../fixtures';

const root = mkdtempSync(path.join(tmpdir(), 'labels-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let count = 0;
function folder(files: Record<string, string>): string {
  const made = path.join(root, String(count++));
  mkdirSync(made);
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(made, name), text);
  return made;
}

describe('findLabels', () => {
  it.each<[string, Record<string, string>, string[] | null]>([
    ['lines', { 'labels.txt': 'cat\ndog\n' }, ['cat', 'dog']],
    ['lines of Windows, with a mark', { 'labels.txt': '\uFEFFcat\r\n\r\ndog\r\n\r\n' }, ['cat', '', 'dog']],
    ['numbered lines', { 'labels.txt': '0 cat\n1 hot dog\n' }, ['cat', 'hot dog']],
    ['names that are numbers', { 'labels.txt': '0\n1\n2' }, ['0', '1', '2']],
    ['names that begin with numbers', { 'labels.txt': '7 up\n3 musketeers' }, ['7 up', '3 musketeers']],
    ['JSON list', { 'labels.json': '["a", "b"]' }, ['a', 'b']],
    ['class_names.json', { 'class_names.json': '{"class_names": ["a", "b"]}' }, ['a', 'b']],
    ['class_names.txt', { 'class_names.txt': 'a\nb' }, ['a', 'b']],
    ['index to name', { 'labels.json': '{"1": "b", "0": "a"}' }, ['a', 'b']],
    ['name to index', { 'labels.json': '{"b": 1, "a": 0}' }, ['a', 'b']],
    [
      "ImageNet's class index",
      { 'labels.json': '{"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}' },
      ['tench', 'goldfish'],
    ],
    ['Teachable Machine', { 'metadata.json': '{"tfjsVersion": "1.3.1", "labels": ["x", "y"]}' }, ['x', 'y']],
    ['metadata without labels', { 'metadata.json': '{"name": "something"}' }, null],
    ['broken JSON, then a good file', { 'labels.json': '[', 'labels.txt': 'a' }, ['a']],
    ['an index with gaps', { 'labels.json': '{"0": "a", "5": "b"}' }, null],
    ['an index that means to be huge', { 'labels.json': '{"4000000000": "a"}' }, null],
    ['the same index twice', { 'labels.json': '{"a": 0, "b": 0}' }, null],
    ['a prototype', { 'labels.json': '{"__proto__": "a", "constructor": 1}' }, null],
    ['nothing', {}, null],
    ['too large', { 'labels.txt': 'a\n'.repeat(3_000_000) }, null],
  ])('%s', async (_name, files, labels) => {
    expect(await findLabels(folder(files))).toEqual(labels);
  });

  it('reads the fixture, and nothing where there is nothing', async () => {
    expect(await findLabels(path.join(teachableMachine, 'tiny-image'))).toEqual(['Class 1', 'Class 2']);
    expect(await findLabels(path.join(keras, 'digits-cnn/tfjs-keras2-h5'))).toBeNull();
    expect(await findLabels(path.join(root, 'no such folder'))).toBeNull();
  });
});
