// Opening a file: in a running VS Code until the tree is painted, in a loaded Netron page until its graph is.
import fs from 'node:fs';
import path from 'node:path';
import { explorerItem, openFolder, startWorkbench } from '../../scripts/vscode/browser.mjs';
import { startNetron } from './netron.mjs';
import { median, rounded, stopwatch } from './stopwatch.mjs';

/** `models`: name → file. Returns one entry a model, times in ms. */
export async function measureOpening(models, { runs, vsix }) {
  const ours = await openInVSCode(models, { runs, vsix });
  const netron = await startNetron();
  const theirs = {};
  try {
    for (const [name, file] of Object.entries(models)) {
      theirs[name] = [];
      await netron.open(file);
      for (let run = 0; run < runs; run++) theirs[name].push(await netron.open(file));
    }
  } finally {
    await netron.stop();
  }
  return Object.keys(models).map((name) => ({
    model: name,
    firstMs: rounded(ours[name].first),
    ms: rounded(median(ours[name].again)),
    netronMs: rounded(median(theirs[name])),
    netron: netron.version,
    ratio: rounded(median(ours[name].again) / median(theirs[name]), 2),
  }));
}

async function openInVSCode(models, { runs, vsix }) {
  const associations = { '**/model.json': 'modelSlicer.json' };
  const workbench = await startWorkbench({ vsix: [vsix], settings: { 'workbench.editorAssociations': associations } });
  try {
    const { page, context, folder } = workbench;
    const workspace = path.join(folder, 'workspace');
    for (const [name, file] of Object.entries(models)) {
      fs.cpSync(path.dirname(file), path.join(workspace, name), { recursive: true });
    }
    const watch = await stopwatch(context, { startOn: 'mousedown', selector: '.tree-row' });
    await openFolder(workbench, workspace);
    const times = {};
    for (const name of Object.keys(models)) {
      await explorerItem(page, name).click();
      const open = async () => {
        const time = watch.next();
        await explorerItem(page, 'model.json').click();
        const ms = await time;
        await page.waitForTimeout(300);
        await page.locator('.tabs-container .tab').first().click({ button: 'middle' });
        await page.locator('iframe.webview').first().waitFor({ state: 'detached' });
        await page.waitForTimeout(700);
        return ms;
      };
      times[name] = { first: await open(), again: [] };
      for (let run = 0; run < runs; run++) times[name].again.push(await open());
      await explorerItem(page, name).click(); // folds it: one model.json is listed at a time
      await explorerItem(page, 'model.json').waitFor({ state: 'detached' });
    }
    return times;
  } finally {
    await workbench.stop();
  }
}
