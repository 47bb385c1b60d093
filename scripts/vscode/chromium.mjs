// The browser that shows VS Code's workbench.
import { aptInstall, findProgram } from './systemPackages.mjs';

const NAMES = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** The browser's path: `CHROMIUM_PATH`, or one that is installed, or one that is installed now. Throws when there is none. */
export function ensureChromium() {
  const wanted = process.env.CHROMIUM_PATH;
  if (wanted) {
    const found = findProgram(wanted);
    if (!found) throw new Error(`CHROMIUM_PATH names ${wanted}, which is not a program.`);
    return found;
  }
  const found = findProgram(...NAMES);
  if (found) return found;
  const problem = aptInstall('chromium');
  const installed = problem === null ? findProgram(...NAMES) : null;
  if (installed) return installed;
  throw new Error(
    `No Chromium or Chrome was found (${problem ?? 'the package brought none'}). ` +
      'Install one, or name it in the environment variable CHROMIUM_PATH.',
  );
}
