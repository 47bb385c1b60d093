/** As much of VS Code as the sessions of a document touch: texts as they are, no workspace. */
export const fakeVscode = {
  l10n: {
    t: (text: string, ...values: unknown[]): string =>
      text.replace(/\{(\w+)\}/g, (_, key: string) => {
        const [named] = values;
        const held = typeof named === 'object' && named !== null ? (named as Record<string, unknown>)[key] : undefined;
        return String(held ?? values[Number(key)]);
      }),
  },
  Uri: {
    parse: (text: string) => ({ scheme: text.split(':')[0], toString: () => text }),
    joinPath: (base: { toString(): string }, ...parts: string[]) => [base, ...parts].join('/'),
  },
  env: { language: 'en' },
  window: {},
  workspace: {},
  RelativePattern: class {},
};
