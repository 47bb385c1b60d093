/** VS Code's own file dialog, answered by keys. */
import { ui } from './ui';

/**
 * Types a path into the open dialog whose title holds `title`, once that shows what it proposes, and accepts it; null
 * leaves it by Escape. Returns the proposal.
 */
export function answerFileDialog(title: string, path: string | null): Promise<string> {
  return ui(
    async ({ page }, { title: shown, path: text }) => {
      const { keyboard } = page;
      const dialog = page.locator('.quick-input-widget', { hasText: shown });
      const input = dialog.locator('input[type="text"]');
      await input.waitFor();
      // it begins empty, then shows the folder, then the name in it; typing changes what it lists
      const settled = async (): Promise<string> => {
        for (let last = ''; ;) {
          await page.waitForTimeout(300);
          const value = (await input.isVisible()) ? await input.inputValue() : last;
          if (value !== '' && value === last) return value;
          last = value;
        }
      };
      const proposed = await settled();
      // the first Enter may only lead into the folder around
      for (let tries = 0; tries < 10 && (await dialog.isVisible()); tries++) {
        if (text === null) {
          await keyboard.press('Escape');
          await dialog.waitFor({ state: 'hidden', timeout: 1500 }).catch(() => undefined);
          continue;
        }
        if ((await settled()).replace(/\/$/, '') !== text) {
          await keyboard.press('Control+a');
          await keyboard.insertText(text);
          await settled();
        }
        await keyboard.press('Enter');
        await dialog.waitFor({ state: 'hidden', timeout: 1500 }).catch(() => undefined);
      }
      await dialog.waitFor({ state: 'hidden' });
      return proposed;
    },
    { title, path },
  );
}
