/** A fixture as the host holds it once the engine has read it. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { openParsed, parseModelJson } from '../../../../src/core/formats/openModelJson';
import { inspectModel } from '../../../../src/core/model/inspect';
import type { LoadedModel } from '../../../../src/host/editor/documentContext';
import { tensorShapes } from '../../../../src/host/editor/viewerModel';
import { keras } from '../../../fixtures';

/** @param change edits the parsed JSON first: another version of the file. */
export function openedFixture(fixture: string, change: (json: string) => string = (json) => json): LoadedModel {
  const file = path.join(keras, fixture, 'tfjs-keras2-h5', 'model.json');
  const bytes = new TextEncoder().encode(change(readFileSync(file, 'utf8')));
  const parsed = parseModelJson(bytes, 'model.json');
  const shards = parsed.shardPaths.map((shard) => ({
    path: shard,
    size: readFileSync(path.join(path.dirname(file), shard)).length,
  }));
  const model = openParsed(parsed, shards);
  const rows = inspectModel(model);
  return { model, rows, shapes: tensorShapes(rows), structureOnly: false };
}
