import { describe, expect, it } from 'vitest';
import { PictureCache } from '../../../../src/host/editor/pictureCache';

describe('PictureCache', () => {
  it('drops what was not used for longest, and tells', () => {
    const evicted: string[] = [];
    const cache = new PictureCache<number>(10, (key) => evicted.push(key));
    cache.set('a', 1, 4);
    cache.set('b', 2, 4);
    expect(cache.get('a')).toBe(1);
    cache.set('c', 3, 4);
    expect(evicted).toEqual(['b']);
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([1, undefined, 3]);
    expect(cache.bytes).toBe(8);
  });

  it('counts a key that is set again once', () => {
    const cache = new PictureCache<number>(10);
    cache.set('a', 1, 6);
    cache.set('a', 2, 7);
    expect([cache.bytes, cache.get('a')]).toEqual([7, 2]);
  });

  it('does not keep what is larger than itself, nor throw the rest out for it', () => {
    const evicted: string[] = [];
    const cache = new PictureCache<number>(10, (key) => evicted.push(key));
    cache.set('a', 1, 4);
    cache.set('huge', 2, 11);
    expect([cache.get('a'), cache.get('huge'), evicted]).toEqual([1, undefined, ['huge']]);
  });
});
