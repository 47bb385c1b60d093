/** What VS Code calls inside its extension host: runs every test file of this suite. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { format } from 'node:util';
import Mocha from 'mocha';
import { canDrive, ui } from '../ui';

/** Marks the lines that the launcher shows. */
const SHOWN = '\u2063';

/** Ends well only when at least one test ran and none failed; the closing line is what the launcher believes. */
export async function run(): Promise<void> {
  Mocha.reporters.Base.consoleLog = (...line: unknown[]) => console.log(SHOWN + format(...line));
  const mocha = new Mocha({
    ui: 'bdd',
    color: false,
    // a real editor on a busy machine: what fails is tried once more, and told
    retries: 1,
    timeout: Number(process.env['VSCODE_TEST_TIMEOUT'] ?? 120_000),
    forbidOnly: process.env['CI'] !== undefined,
    ...(process.env['VSCODE_TEST_GREP'] ? { grep: process.env['VSCODE_TEST_GREP'] } : {}),
  });
  mocha.rootHooks({ afterEach: photographFailure });
  const tests = path.resolve(__dirname, '..');
  const restricted = process.env['MODEL_SLICER_RESTRICTED'] !== undefined;
  const files = readdirSync(tests, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.test.js') && file.startsWith('restricted') === restricted,
  );
  for (const file of files.sort()) mocha.addFile(path.join(tests, file));
  const stats = await new Promise<Mocha.Stats>((resolve, reject) => {
    const runner = mocha.run(() =>
      runner.stats ? resolve(runner.stats) : reject(new Error('mocha kept no statistics')),
    );
    runner.on('retry', (test: Mocha.Test, error: Error) => {
      console.log(`${SHOWN}tried again: ${test.fullTitle()}: ${error.message}`);
    });
  });
  const failed = stats.failures;
  console.log(`${SHOWN}${stats.passes} passed, ${failed} failed, ${stats.pending} skipped`);
  if (failed > 0) throw new Error(`${failed} test(s) failed`);
  if (stats.passes === 0) throw new Error('no test ran');
}

/** The screen as it was when a test failed, for those who did not see it. */
async function photographFailure(this: Mocha.Context): Promise<void> {
  const test = this.currentTest;
  if (!canDrive || test?.state !== 'failed') return;
  const name = test
    .fullTitle()
    .replace(/[^\p{L}\d]+/gu, '-')
    .slice(0, 80);
  const file = path.resolve(process.env['MODEL_SLICER_ROOT'] ?? '.', '.cache', `test-vscode-failed-${name}.png`);
  await ui(async ({ page }, shot) => void (await page.screenshot({ path: shot })), file);
}
