/** What the user chose last, for each kind of recipe and language. */
import type { Memento } from 'vscode';
import type { CodeLanguage, Recipe, RecipeId } from '../../core/codegen/recipe';

const KEY = 'code.choices';

interface Kept {
  language?: CodeLanguage;
  recipes?: Partial<Record<`${Recipe['kind']} ${CodeLanguage}`, RecipeId>>;
}

export class CodeChoices {
  /** @param global over all workspaces. @param workspace of this one. */
  constructor(
    private readonly global: Memento,
    readonly workspace: Memento,
  ) {}

  get language(): CodeLanguage | undefined {
    return this.kept.language;
  }

  recipe(kind: Recipe['kind'], language: CodeLanguage): RecipeId | undefined {
    return this.kept.recipes?.[`${kind} ${language}`];
  }

  async remember(kind: Recipe['kind'], language: CodeLanguage, recipe: RecipeId): Promise<void> {
    const recipes = { ...this.kept.recipes, [`${kind} ${language}`]: recipe };
    await this.global.update(KEY, { language, recipes });
  }

  private get kept(): Kept {
    return this.global.get<Kept>(KEY, {});
  }
}
