import { expect, it, vi } from 'vitest';
import { SlicerError } from '../../../../src/core/errors';
import { Resource } from '../../../../webview/state/resource';

/** Answers by hand, in any order. */
function desk() {
  const open = new Map<
    string,
    { resolve: (text: string) => void; reject: (error: unknown) => void; signal: AbortSignal }
  >();
  const changed = vi.fn();
  const resource = new Resource<string>(changed);
  const use = (key: string, subject = key) =>
    resource.use(
      key,
      subject,
      (signal) => new Promise((resolve, reject) => open.set(key, { resolve, reject, signal })),
    );
  return { open, changed, resource, use };
}

it('asks once for a key, and shows the answer', async () => {
  const { open, changed, use } = desk();
  expect(use('a')).toEqual({ state: 'loading', previous: null });
  await vi.waitFor(() => expect(open.has('a')).toBe(true));
  open.get('a')?.resolve('A');
  await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(1));
  expect(use('a')).toEqual({ state: 'done', value: 'A' });
});

it('drops the answer to an older key, and cancels it', async () => {
  const { open, resource, use } = desk();
  use('a');
  await vi.waitFor(() => expect(open.has('a')).toBe(true));
  use('b');
  expect(open.get('a')?.signal.aborted).toBe(true);
  await vi.waitFor(() => expect(open.has('b')).toBe(true));
  open.get('b')?.resolve('B');
  open.get('a')?.resolve('A');
  await vi.waitFor(() => expect(resource.current).toEqual({ state: 'done', value: 'B' }));
});

it('keeps the old value on show while the subject stays', async () => {
  const { open, changed, use } = desk();
  use('conv viridis', 'conv');
  await vi.waitFor(() => expect(open.size).toBe(1));
  open.get('conv viridis')?.resolve('green');
  await vi.waitFor(() => expect(changed).toHaveBeenCalled());
  expect(use('conv magma', 'conv')).toEqual({ state: 'loading', previous: 'green' });
  expect(use('pool magma', 'pool')).toEqual({ state: 'loading', previous: null });
});

it('says what went wrong', async () => {
  const { open, resource, use } = desk();
  use('a');
  await vi.waitFor(() => expect(open.has('a')).toBe(true));
  open.get('a')?.reject(new SlicerError('handle-gone'));
  await vi.waitFor(() => expect(resource.current.state).toBe('failed'));
});
