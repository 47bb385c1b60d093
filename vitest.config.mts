import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/unit/**/*.test.ts', 'test/engine/**/*.test.ts', 'test/webview/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Models in several processes at once want memory: as many as there are processors, no more.
    maxWorkers: '100%',
    coverage: { provider: 'v8', include: ['src/**/*.ts', 'webview/**/*.ts'], reportsDirectory: 'coverage' },
  },
});
