// Times inside pages, from an event to the frame that shows something: the same way for every program measured.

/**
 * Watches all frames of `context` from now on: `startOn` names an event, `selector` what must become visible.
 * Returns `next()`: the ms of the next measurement, or a rejection after `timeout` ms.
 */
export async function stopwatch(context, { startOn, selector }) {
  await context.addInitScript(watch, { startOn, selector });
  let started = Number.NaN;
  let finish = null;
  const listen = (message) => {
    const [mark, what, at] = message.text().split(' ');
    if (mark !== 'stopwatch') return;
    if (what === 'start') started = Number(at);
    else if (finish && !Number.isNaN(started)) finish(Number(at) - started);
  };
  context.on('console', listen);
  return {
    next: (timeout = 60_000) =>
      new Promise((resolve, reject) => {
        started = Number.NaN;
        const timer = setTimeout(
          () => reject(new Error(`nothing that matches ${selector} within ${timeout} ms`)),
          timeout,
        );
        finish = (ms) => {
          clearTimeout(timer);
          finish = null;
          resolve(ms);
        };
      }),
  };
}

/** Runs in the pages. A webview's inner document replaces the one that scripts were added to: its parent watches it. */
function watch({ startOn, selector }) {
  const tell = (what) => console.debug(`stopwatch ${what} ${performance.timeOrigin + performance.now()}`);
  addEventListener(startOn, () => tell('start'), { capture: true });
  const isVisible = (shown) => (shown?.querySelector(selector)?.getClientRects().length ?? 0) > 0;
  const inner = () => [...document.querySelectorAll('iframe')].map((frame) => frame.contentDocument);
  let shown = false;
  const look = () => {
    const visible = [document, ...inner()].some(isVisible);
    // This callback runs before its frame is painted, a task after it.
    if (visible && !shown) setTimeout(() => tell('end'));
    shown = visible;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

/** The middle of `values`; null without any. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return null;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const rounded = (value, digits = 1) => (value === null ? null : Number(value.toFixed(digits)));
