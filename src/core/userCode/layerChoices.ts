/** The names that fit at a place in a program, for completion. */
import type { Counting, IndexedLayer, LayerList } from './layerIndex';

/** As many as a list shows; more come as more is typed. */
const MAX_CHOICES = 1000;

export interface LayerChoices {
  /** In model order. */
  layers: IndexedLayer[];
  /** Others would come with more of the name. */
  incomplete: boolean;
}

/** @param typed what stands before the cursor: its characters occur in a name in their order, whatever their case. */
export function layerChoices(list: LayerList, counting: Counting, typed: string): LayerChoices {
  const all = list.listed[counting];
  if (all.length <= MAX_CHOICES) return { layers: all, incomplete: false };
  const wanted = typed.toLowerCase();
  const fitting: IndexedLayer[] = [];
  for (const layer of all) {
    if (!occurs(wanted, layer.name)) continue;
    if (fitting.length === MAX_CHOICES) return { layers: fitting, incomplete: true };
    fitting.push(layer);
  }
  // what is typed may be taken back
  return { layers: fitting, incomplete: true };
}

function occurs(wanted: string, name: string): boolean {
  if (wanted === '') return true;
  const lower = name.toLowerCase();
  let at = 0;
  for (const c of wanted) {
    at = lower.indexOf(c, at) + 1;
    if (at === 0) return false;
  }
  return true;
}
