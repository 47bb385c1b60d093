/** Recipes that look into the whole model get it as TF.js loads it; others do with a saved slice of it. */
import type { CodeSnippet } from '../codeSnippet';
import type { CodeTask } from '../codeTask';
import { parentTask, type ParentTask } from '../parentTask';
import { insideLayer, startsInside } from '../reasons';
import type { RecipeWriter } from '../recipe';

/** As a `RecipeWriter`, for a model that TF.js loads. */
export interface ParentRecipe {
  whyNot(task: ParentTask): string | null;
  write(task: ParentTask): CodeSnippet;
}

export function ofParent(recipe: ParentRecipe): RecipeWriter {
  return {
    whyNot(task) {
      const parent = parentTask(task);
      return typeof parent === 'string' ? parent : inSource(parent, recipe.whyNot(parent));
    },
    write(task) {
      const parent = parentTask(task);
      if (typeof parent === 'string') throw new TypeError(parent);
      return recipe.write(parent);
    },
  };
}

/** A slice where only that will do: a tensor inside a layer, a start inside the model. */
export function orSlice(recipe: RecipeWriter): RecipeWriter {
  return {
    whyNot: (task) => recipe.whyNot(sliced(task)),
    write: (task) => recipe.write(sliced(task)),
  };
}

/** The whole model where TF.js loads it or what is saved of it; else a slice. */
export function ofParentOrSlice(recipe: RecipeWriter): RecipeWriter {
  const choose = (task: CodeTask): CodeTask => {
    const slice = sliced(task);
    const parent = slice.needsSlice === undefined ? parentTask(task) : slice;
    return typeof parent === 'string' ? slice : parent;
  };
  return {
    whyNot(task) {
      const chosen = choose(task);
      return inSource(chosen, recipe.whyNot(chosen));
    },
    write: (task) => recipe.write(choose(task)),
  };
}

/** A reason with the names that the user knows. */
function inSource({ moved = [] }: CodeTask & Partial<Pick<ParentTask, 'moved'>>, why: string | null): string | null {
  return moved.reduce<string | null>((text, { from, to }) => text?.replaceAll(to, () => from) ?? null, why);
}

function sliced(task: CodeTask): CodeTask {
  const inside = insideLayer(task) === null ? null : 'A layer of TF.js hands out only its output.';
  const why = inside ?? (startsInside(task) === null ? null : 'A model of TF.js starts at its inputs.');
  return why === null ? task : { ...task, needsSlice: why, fileProblem: task.fileProblem ?? why };
}
