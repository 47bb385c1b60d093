/** Lets tests in the extension host drive the workbench as a user does: by mouse, keyboard and what is on screen. */
import type { BrowserContext, FrameLocator, Page } from 'playwright-core';

export interface Workbench {
  page: Page;
  context: BrowserContext;
  /** The document of the visible webview (the nth, when there are several). */
  webview: (nth?: number) => FrameLocator;
}

/**
 * Runs `action` beside the browser, in the launcher's process. It travels as text: it sees its two parameters and
 * globals, nothing else of the file that it stands in. Its result comes back as JSON.
 */
export async function ui<Result, Args>(
  action: (workbench: Workbench, args: Args) => Promise<Result> | Result,
  args?: Args,
): Promise<Result> {
  const bridge = process.env['VSCODE_TEST_UI_BRIDGE'];
  if (!bridge) throw new Error('there is no browser to drive: this test needs `npm run test:vscode`');
  const response = await fetch(bridge, {
    method: 'POST',
    body: JSON.stringify({ code: `return (${action.toString()})(workbench, args)`, args }),
  });
  const answer = (await response.json()) as { value?: Result; error?: string };
  if (answer.error !== undefined) throw new Error(answer.error);
  return answer.value as Result;
}

/** Whether this VS Code shows its workbench in a browser that `ui` can drive (the desktop one does not). */
export const canDrive = process.env['VSCODE_TEST_UI_BRIDGE'] !== undefined;
