// Runs the same suite in a desktop VS Code, which is downloaded on first use. What needs a browser to drive is skipped.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { runTests } from '@vscode/test-electron';
import { build, buildSuite } from '../../esbuild.mjs';
import { at, root } from '../repository.mjs';
import { prepareWorkspace } from './runSuite.mjs';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'model-slicer-'));
try {
  await Promise.all([build(), buildSuite()]);
  process.exitCode = await runTests({
    extensionDevelopmentPath: root,
    extensionTestsPath: at('out', 'test', 'vscode', 'suite', 'index'),
    extensionTestsEnv: {
      MODEL_SLICER_FIXTURES: process.env.MODEL_SLICER_FIXTURES ?? at('test', 'fixtures'),
      MODEL_SLICER_ROOT: root,
    },
    launchArgs: [
      prepareWorkspace(folder),
      '--disable-workspace-trust',
      '--disable-extensions',
      '--skip-welcome',
      ...['--user-data-dir', path.join(folder, 'profile')],
    ],
  });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.error(
    'The desktop VS Code could not be downloaded or its tests failed; `npm run test:vscode` needs no download of it.',
  );
  process.exitCode = 1;
} finally {
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
