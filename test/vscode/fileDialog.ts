/** VS Code's own file dialog, answered by keys. */
import { ui } from './ui';

/**
 * Types a path into the open dialog whose title holds `title`, once that shows what it proposes, and accepts it; null
 * leaves it by Escape. `replace`: what it is told when it asks whether to replace the file that is there; after `false`
 * it is left by Escape. Returns the proposal.
 */
export function answerFileDialog(title: string, path: string | null, replace?: boolean): Promise<string> {
  return ui(
    async ({ page }, { title: shown, path: text, replace: answer }) => {
      const { keyboard } = page;
      const dialog = page.locator('.quick-input-widget');
      const input = dialog.locator('input[type="text"]');
      // while it asks whether to replace a file, its title is another one
      const question = dialog.getByText('already exists');
      const closesOrAsks = async (): Promise<void> => {
        const timeout = 1500;
        const events = [dialog.waitFor({ state: 'hidden', timeout }), question.waitFor({ timeout })];
        await Promise.any(events).catch(() => undefined);
      };
      // it begins empty, then shows the folder, then the name in it; typing changes what it lists
      const settled = async (): Promise<string> => {
        for (let last = ''; ;) {
          await page.waitForTimeout(300);
          const value = (await input.isVisible()) ? await input.inputValue() : last;
          if (value !== '' && value === last) return value;
          last = value;
        }
      };
      await page.locator('.quick-input-widget', { hasText: shown }).locator('input[type="text"]').waitFor();
      const proposed = await settled();
      let leaves = text === null;
      // the first Enter may only lead into the folder around
      for (let tries = 0; tries < 10 && (await dialog.isVisible()); tries++) {
        if (await question.isVisible()) {
          if (answer === undefined) throw new Error('the file is there already');
          await dialog.getByText(answer ? 'OK' : 'Cancel', { exact: true }).click();
          await question.waitFor({ state: 'hidden' });
          leaves = !answer;
        } else if (leaves) {
          await keyboard.press('Escape');
        } else {
          if (text !== null && (await settled()).replace(/\/$/, '') !== text) {
            await keyboard.press('Control+a');
            await keyboard.insertText(text);
            await settled();
          }
          await keyboard.press('Enter');
        }
        await closesOrAsks();
      }
      await dialog.waitFor({ state: 'hidden' });
      return proposed;
    },
    { title, path, ...(replace === undefined ? {} : { replace }) },
  );
}

/** Takes one of the formats that a slice can be saved as; by keys alone: the first is the source's own. */
export function chooseFormat(label?: string): Promise<void> {
  return ui(
    async ({ page }, { label: shown }) => {
      const pick = page.locator('.quick-input-widget');
      await pick.locator('input[placeholder="What is the sub-model saved as?"]').waitFor();
      const item = pick.locator('.quick-input-list .monaco-list-row', { hasText: shown ?? '' }).first();
      await item.waitFor();
      if (shown === undefined) await page.keyboard.press('Enter');
      else await item.click();
    },
    label === undefined ? {} : { label },
  );
}
