// Pictures of the whole editor in a real VS Code: for the README (docs/pictures) and for review (.cache/screenshots).
// usage: node scripts/screenshots.mjs [--look NAME]… [--step NAME]… [--out FOLDER] [--no-build]
// Without options: every look, at its last step. A step name stops there; `all` takes a picture after every step.
import './requireNode.mjs';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ensurePackages } from './ensurePackages.mjs';
import { at, cache, isMain, root } from './repository.mjs';

const sample = at('media', 'sample', 'digits-cnn', 'model.json');
const desk = { width: 1440, height: 900 };

/** What a picture shows: a theme, a window (CSS pixels) and a model; `readme`: it also goes to docs/pictures; `open`: the cut lacks tensors. */
const LOOKS = {
  dark: { theme: 'Default Dark Modern', viewport: desk, scale: 2, model: sample, readme: true },
  light: { theme: 'Default Light Modern', viewport: desk, scale: 2, model: sample, readme: true },
  contrast: { theme: 'Default High Contrast', viewport: desk, model: sample },
  narrow: { theme: 'Default Dark Modern', viewport: { width: 700, height: 1000 }, model: sample, sidebar: false },
  large: {
    theme: 'Default Light Modern',
    viewport: desk,
    model: 'mobilenetV2',
    select: 'block_6_depthwise',
    marks: ['block_6_expand_relu', 'out_relu'],
  },
  cut: {
    theme: 'Default Light Modern',
    viewport: desk,
    model: at('test', 'fixtures', 'keras', 'residual-block', 'tfjs-keras2-h5', 'model.json'),
    select: 'conv2',
    marks: ['head'],
    starts: ['conv2'],
    tab: 'Tensors',
    open: true,
  },
};

/** In order; each gets what `openEditor` returns and the look. */
const STEPS = {
  open: async () => {},
  select: async ({ selectLayer }, { select = 'conv_2' }) => selectLayer(select),
  run: async ({ chooseInput, run }, { picture = 'digit-7' }) => {
    await chooseInput(picture);
    await run();
  },
  mark: async ({ mark, start, selectLayer, openTab }, look) => {
    const { marks = ['conv_2', 'output_layer'], starts = [], select = 'conv_2', tab } = look;
    for (const name of marks) await mark(name);
    for (const name of starts) await start(name);
    await selectLayer(select);
    if (tab) await openTab(tab);
  },
  verify: async ({ verify }, { open }) => (open ? undefined : verify()),
};

/**
 * Opens a model's editor as a user would. Returns the page, the webview's document, what a user does in it, and `stop`.
 * `look`: as in LOOKS.
 */
export async function openEditor(look, vsix) {
  const { explorerItem, openFolder, startWorkbench, webviewOf } = await import('./vscode/browser.mjs');
  const { ensureRealModels, realModels } = await import('./realModels.mjs');
  if (!path.isAbsolute(look.model)) await ensureRealModels();
  const file = path.isAbsolute(look.model) ? look.model : realModels[look.model];
  const workbench = await startWorkbench({
    viewport: look.viewport,
    scale: look.scale ?? 1,
    ...(vsix ? { vsix: [vsix] } : { extensionFolders: [root] }),
    settings: {
      'workbench.colorTheme': look.theme,
      'workbench.editorAssociations': { [`**/${path.basename(file)}`]: 'modelSlicer.json' },
      'window.autoDetectColorScheme': false,
      'window.autoDetectHighContrast': false,
      ...look.settings,
    },
  });
  try {
    const { page, folder } = workbench;
    const workspace = path.join(folder, 'workspace');
    const name = path.basename(path.dirname(file));
    fs.cpSync(path.dirname(file), path.join(workspace, name), { recursive: true });
    await openFolder(workbench, workspace);
    await explorerItem(page, name).click();
    await explorerItem(page, path.basename(file)).dblclick();
    const view = webviewOf(page);
    await view.locator('.tree-row').first().waitFor();
    if (look.sidebar === false) await page.keyboard.press('Control+b');
    return { ...workbench, view, ...hands(page, view) };
  } catch (error) {
    fs.mkdirSync(path.join(cache, 'screenshots'), { recursive: true });
    await workbench.page.screenshot({ path: path.join(cache, 'screenshots', 'failed.png') }).catch(() => {});
    await workbench.stop();
    throw error;
  }
}

/** What a user does in the editor. */
function hands(page, view) {
  const search = view.locator('ms-search input').first();
  /** Finds a row however long the tree is: by the search, which is cleared again. */
  const row = async (name) => {
    const found = view
      .locator('.tree-row')
      .filter({ has: view.locator('.name').getByText(name, { exact: true }) })
      .first();
    if (!(await found.isVisible())) {
      await search.fill(name);
      await found.waitFor();
      await found.locator('.name').click();
      await search.fill('');
      await found.waitFor();
    }
    return found;
  };
  return {
    row,
    selectLayer: async (name) => (await row(name)).locator('.name').click(),
    mark: async (name) => (await row(name)).locator('.mark-cell').click(),
    start: async (name) => (await row(name)).locator('.start-cell').click(),
    openTab: async (name) => view.getByRole('tab', { name }).click(),
    chooseInput: async (label) => {
      const dropdown = view.locator('ms-inputs vscode-dropdown').first();
      await dropdown.waitFor();
      const option = dropdown.locator('vscode-option', { hasText: label }).first();
      if ((await option.count()) === 0) return;
      await dropdown.click();
      await option.click();
      await view.locator('.input-picture:not(.none)').first().waitFor();
    },
    run: async () => {
      await view.locator('.run-line vscode-button', { hasText: 'Run' }).click();
      await view.locator('.run-line .tabular[role="status"]').waitFor({ timeout: 120_000 });
    },
    verify: async () => {
      await view.locator('.slice-actions vscode-button', { hasText: 'Verify' }).click();
      await view.locator('.verdict.passed, .verdict.failed').waitFor({ timeout: 120_000 });
    },
  };
}

/** Takes the pictures; returns their files. */
export async function takeScreenshots({
  looks = Object.keys(LOOKS),
  steps = [],
  out = path.join(cache, 'screenshots'),
  vsix,
} = {}) {
  fs.mkdirSync(out, { recursive: true });
  const files = [];
  for (const name of looks) {
    const look = LOOKS[name];
    if (!look) throw new Error(`There is no look ${name}. Looks: ${Object.keys(LOOKS).join(', ')}.`);
    const editor = await openEditor(look, vsix);
    const snap = async (file) => {
      // What moves comes to rest: progress, carets, previews on their way.
      await editor.page.mouse.move(0, 0);
      await editor.page.waitForTimeout(1200);
      await editor.page.screenshot({ path: file, animations: 'disabled', caret: 'hide' });
      files.push(file);
    };
    try {
      const last = Object.keys(STEPS).at(-1);
      for (const [step, take] of Object.entries(STEPS)) {
        await take(editor, look);
        if (steps.includes(step) || steps.includes('all')) await snap(path.join(out, `${name}-${step}.png`));
        if (steps.length > 0 && !steps.includes('all') && step === steps.at(-1)) break;
        if (steps.length === 0 && step === last) {
          await snap(path.join(out, `${name}.png`));
          if (look.readme) {
            fs.mkdirSync(at('docs', 'pictures'), { recursive: true });
            fs.copyFileSync(path.join(out, `${name}.png`), at('docs', 'pictures', `${name}.png`));
          }
        }
      }
    } catch (error) {
      await editor.page.screenshot({ path: path.join(out, `${name}-failed.png`) }).catch(() => {});
      throw new Error(`${name}: ${error.message}\nThe screen then: ${path.join(out, `${name}-failed.png`)}`, {
        cause: error,
      });
    } finally {
      await editor.stop();
    }
  }
  return files;
}

if (isMain(import.meta.url)) {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      look: { type: 'string', multiple: true },
      step: { type: 'string', multiple: true },
      out: { type: 'string' },
      build: { type: 'boolean', default: true },
    },
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
  await ensurePackages();
  if (values.build) await (await import('../esbuild.mjs')).build();
  try {
    const wanted = { looks: values.look, steps: values.step, out: values.out && path.resolve(values.out) };
    const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
    for (const file of await takeScreenshots(given)) console.log(path.relative(process.cwd(), file));
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
