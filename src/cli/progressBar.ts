/** One line on a terminal's stderr; nothing where stderr is no terminal. */
import type { Progress } from '../protocol/engine';

const WIDTH = 24;
/** ms between two paintings. */
const PAUSE = 80;

export class ProgressBar {
  #painted = 0;
  #shown = false;

  constructor(
    private readonly title: string,
    private readonly stream: NodeJS.WriteStream = process.stderr,
  ) {}

  update({ done, total, at }: Progress): void {
    if (!this.stream.isTTY || Date.now() - this.#painted < PAUSE) return;
    this.#painted = Date.now();
    this.#shown = true;
    const part = total > 0 ? Math.min(1, done / total) : 0;
    const bar = '█'.repeat(Math.round(part * WIDTH)).padEnd(WIDTH, '·');
    const room = Math.max(10, (this.stream.columns || 80) - WIDTH - this.title.length - 12);
    // A layer's name may hold anything; a terminal must not see it.
    const place = at.replace(/[\p{Cc}\p{Cf}]/gu, '?').slice(0, room);
    this.stream.write(`\r\x1b[2K${this.title} ${bar} ${String(Math.round(part * 100)).padStart(3)}% ${place}`);
  }

  end(): void {
    if (this.#shown) this.stream.write('\r\x1b[2K');
    this.#shown = false;
  }
}
