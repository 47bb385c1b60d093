/** Recipes that look into the whole model: they get it as TF.js loads it. */
import type { CodeSnippet } from '../codeSnippet';
import { parentTask, type ParentTask } from '../parentTask';
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
      return typeof parent === 'string' ? parent : recipe.whyNot(parent);
    },
    write(task) {
      const parent = parentTask(task);
      if (typeof parent === 'string') throw new TypeError(parent);
      return recipe.write(parent);
    },
  };
}
