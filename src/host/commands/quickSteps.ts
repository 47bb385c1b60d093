/** Questions one after the other, with a way back and the number of the step. */
import { QuickInputButtons, window, type Disposable, type QuickInput, type QuickPickItem } from 'vscode';

/** What a question is shown in. */
export interface StepFrame {
  title: string;
  step: number;
  totalSteps: number;
  canGoBack: boolean;
}

/** `back`: to the question before. Null: the user gave up. */
export type Answer<T> = { value: T } | 'back' | null;

export interface QuickStep<State> {
  /** Whether it is asked, by what was answered so far. */
  applies(state: State): boolean;
  ask(state: State, frame: StepFrame): Promise<Answer<State>>;
}

/** @returns what was answered; null when the user gave up. */
export async function askSteps<State>(
  title: string,
  start: State,
  steps: readonly QuickStep<State>[],
): Promise<State | null> {
  /** The steps that were answered, by their place. */
  const asked: number[] = [];
  let state = start;
  for (let i = 0; i < steps.length;) {
    const step = steps[i];
    if (!step?.applies(state)) {
      i += 1;
      continue;
    }
    const later = steps.slice(i).filter((one) => one.applies(state)).length;
    const answer = await step.ask(state, {
      title,
      step: asked.length + 1,
      totalSteps: asked.length + later,
      canGoBack: asked.length > 0,
    });
    if (answer === null) return null;
    if (answer === 'back') {
      const last = asked.pop();
      if (last === undefined) return null;
      // what was answered stays as the suggestion
      i = last;
      continue;
    }
    asked.push(i);
    state = answer.value;
    i += 1;
  }
  return state;
}

export interface Choice<T> extends QuickPickItem {
  /** Not there: it is shown and cannot be chosen. */
  value?: T;
}

/** @param current the choice that is chosen now. */
export function pickStep<T>(
  frame: StepFrame,
  placeholder: string,
  choices: readonly Choice<T>[],
  current?: (value: T) => boolean,
): Promise<Answer<T>> {
  const pick = window.createQuickPick<Choice<T>>();
  pick.placeholder = placeholder;
  pick.matchOnDescription = true;
  pick.matchOnDetail = true;
  pick.items = choices;
  const active = choices.find(({ value }) => value !== undefined && current?.(value));
  if (active) pick.activeItems = [active];
  return answered(pick, frame, (take) =>
    pick.onDidAccept(() => {
      const value = pick.selectedItems[0]?.value;
      if (value !== undefined) take({ value });
    }),
  );
}

/** @param validate what is wrong with a text; null where nothing is. */
export function textStep(
  frame: StepFrame,
  prompt: string,
  { value, placeholder, validate }: { value: string; placeholder: string; validate: (text: string) => string | null },
): Promise<Answer<string>> {
  const input = window.createInputBox();
  input.prompt = prompt;
  input.placeholder = placeholder;
  input.value = value;
  const check = (): boolean => {
    const wrong = validate(input.value);
    input.validationMessage = wrong ?? undefined;
    return wrong === null;
  };
  const listening = input.onDidChangeValue(check);
  return answered<string>(input, frame, (take) =>
    input.onDidAccept(() => {
      if (!check()) return;
      take({ value: input.value });
    }),
  ).finally(() => {
    listening.dispose();
  });
}

function answered<T>(
  input: QuickInput & {
    buttons: readonly unknown[];
    onDidTriggerButton: (listener: (button: unknown) => void) => Disposable;
  },
  { title, step, totalSteps, canGoBack }: StepFrame,
  listen: (take: (answer: Answer<T>) => void) => Disposable,
): Promise<Answer<T>> {
  Object.assign(input, {
    title,
    step,
    totalSteps,
    ignoreFocusOut: true,
    buttons: canGoBack ? [QuickInputButtons.Back] : [],
  });
  return new Promise((resolve) => {
    let answer: Answer<T> = null;
    const take = (given: Answer<T>): void => {
      answer = given;
      input.hide();
    };
    const listening = [
      listen(take),
      input.onDidTriggerButton(() => take('back')),
      input.onDidHide(() => {
        for (const one of listening) one.dispose();
        input.dispose();
        resolve(answer);
      }),
    ];
    input.show();
  });
}
