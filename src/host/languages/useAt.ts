/** What a position in a document is about. */
import type { Position } from 'vscode';
import type { LayerUse } from '../../core/userCode/programModels';
import type { DocumentModels } from './userPrograms';

/** The name or index of a layer at a position, its ends included. */
export function useAt({ uses, rangeOf }: DocumentModels, position: Position): LayerUse | null {
  return uses.find((use) => rangeOf(use).contains(position)) ?? null;
}
