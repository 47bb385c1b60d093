// The extension's activation (loading its bundle included) in fresh extension hosts, as VS Code itself measures it.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { at, cache } from '../../scripts/repository.mjs';
import { openFolder, runCommand, startWorkbench } from '../../scripts/vscode/browser.mjs';
import { median, rounded } from './stopwatch.mjs';

/** Returns `{ ms, atStartup }`: the median, and whether VS Code activated it unasked. */
export async function measureActivation({ runs, vsix }) {
  const probe = path.join(cache, `activation-${process.pid}.jsonl`);
  fs.writeFileSync(probe, '');
  const workbench = await startWorkbench({
    vsix: [vsix],
    extensionFolders: [at('test', 'bench', 'activationProbe')],
    environment: { MODEL_SLICER_PROBE: probe },
    viewport: { width: 1280, height: 2600 }, // all running extensions at once: the list draws only what is on screen
  });
  const activations = () =>
    fs
      .readFileSync(probe, 'utf8')
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  try {
    const { page, folder } = workbench;
    const workspace = path.join(folder, 'workspace');
    fs.mkdirSync(workspace);
    fs.writeFileSync(path.join(workspace, 'notes.txt'), '');
    const times = [];
    for (let run = 0; run <= runs; run++) {
      await openFolder(workbench, workspace);
      const deadline = Date.now() + 60_000;
      while (activations().length <= run) {
        if (Date.now() > deadline) throw new Error('the extension did not activate within 60 s');
        await delay(100);
      }
      times.push(await shownByVSCode(page));
    }
    // The first fills the disk's and V8's caches.
    return {
      firstMs: times[0],
      ms: rounded(median(times.slice(1))),
      atStartup: activations().some(({ atStartup }) => atStartup),
    };
  } finally {
    await workbench.stop();
    fs.rmSync(probe, { force: true });
  }
}

/** The figure of "Show Running Extensions", ms. */
async function shownByVSCode(page) {
  await runCommand(page, 'Developer: Show Running Extensions');
  const row = page
    .locator('.runtime-extensions-editor .monaco-list-row')
    .filter({ has: page.getByText('Model Slicer', { exact: true }) });
  const text = await row.locator('.activation-time').first().innerText();
  const ms = /(\d+)\s*ms/.exec(text);
  if (!ms) throw new Error(`VS Code says no activation time: ${text}`);
  return Number(ms[1]);
}
