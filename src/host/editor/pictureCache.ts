/** Keeps what was used last, up to a number of bytes. */
export class PictureCache<Value> {
  private readonly entries = new Map<string, { value: Value; bytes: number }>();
  private held = 0;

  /** `onEvict` hears of what had to go, not of what `clear` drops. */
  constructor(
    private readonly limit: number,
    private readonly onEvict: (key: string) => void = () => undefined,
  ) {}

  get bytes(): number {
    return this.held;
  }

  get(key: string): Value | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry.value;
  }

  /** What is larger than the whole cache is not kept. */
  set(key: string, value: Value, bytes: number): void {
    this.drop(key);
    if (bytes > this.limit) {
      this.onEvict(key);
      return;
    }
    this.entries.set(key, { value, bytes });
    this.held += bytes;
    for (const oldest of this.entries.keys()) {
      if (this.held <= this.limit) return;
      this.drop(oldest);
      this.onEvict(oldest);
    }
  }

  clear(): void {
    this.entries.clear();
    this.held = 0;
  }

  private drop(key: string): void {
    const entry = this.entries.get(key);
    if (!entry) return;
    this.entries.delete(key);
    this.held -= entry.bytes;
  }
}
