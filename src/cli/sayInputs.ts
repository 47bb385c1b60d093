import { noteSentence } from '../core/messages';
import type { ResolvedInput } from '../protocol/engine';
import { warn } from './output';

/** What was chosen for the user goes to stderr, so that nothing is silent. */
export function sayInputs(inputs: readonly Omit<ResolvedInput, 'picture'>[]): void {
  for (const { input, label, preprocessing, notes } of inputs) {
    if (preprocessing) {
      const { width, height, resize, interpolation, colorMode, range, reason } = preprocessing;
      warn(
        `input ${input}: ${label}, ${width}×${height} ${colorMode}, ${interpolation} (${resize}), range ${range}${reason === null ? '' : `: ${reason}`}`,
      );
    }
    for (const note of notes) warn(`input ${input}: ${noteSentence(note)}`);
  }
}

/** As it stands in the JSON of `run` and `verify`. */
export function inputJson({
  input,
  label,
  shape,
  dtype,
  preprocessing,
  notes,
}: Omit<ResolvedInput, 'picture'>): unknown {
  return {
    name: input,
    shape,
    dtype,
    source: label,
    ...(preprocessing ? { preprocessing } : {}),
    ...(notes.length > 0 ? { notes: notes.map((note) => ({ code: note.code, message: noteSentence(note) })) } : {}),
  };
}
