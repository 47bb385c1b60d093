import type { Disposable } from 'vscode';

/** Disposes what was added, last first. What is added afterwards is disposed at once. */
export class Disposables implements Disposable {
  private items: Disposable[] | null = [];

  add<T extends Disposable>(item: T): T {
    if (this.items) this.items.push(item);
    else item.dispose();
    return item;
  }

  get disposed(): boolean {
    return this.items === null;
  }

  dispose(): void {
    const items = this.items ?? [];
    this.items = null;
    for (const item of items.reverse()) item.dispose();
  }
}
