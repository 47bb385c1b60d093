/** What the view remembers of itself while it is hidden or after a restart. Never anything of the model. */

export const tabIds = ['activations', 'tensors', 'weights', 'config', 'connections'] as const;
export type TabId = (typeof tabIds)[number];

export interface Memory {
  selection: string[];
  active: string | null;
  scrollTop: number;
  /** Addresses whose rows are not as they are by default: opened scopes, closed models. */
  toggled: string[];
  query: string;
  tab: TabId;
  hiddenColumns: string[];
  /** Share of the tree, side by side and stacked. */
  split: number;
  splitStacked: number;
  scale: 'channel' | 'tensor';
}

const initial: Memory = {
  selection: [],
  active: null,
  scrollTop: 0,
  toggled: [],
  query: '',
  tab: 'activations',
  hiddenColumns: ['macs', 'time'],
  split: 0.56,
  splitStacked: 0.45,
  scale: 'channel',
};

/** More than a person opens by hand; keeps the state that VS Code writes to disk small. */
const maxToggled = 5000;

/** Takes what is usable of a state that an older version may have written. */
export function restoreMemory(saved: unknown): Memory {
  const from = typeof saved === 'object' && saved !== null ? (saved as Record<string, unknown>) : {};
  return {
    selection: strings(from['selection']) ?? initial.selection,
    active: typeof from['active'] === 'string' ? from['active'] : null,
    scrollTop: number(from['scrollTop'], 0, 1e9) ?? 0,
    toggled: strings(from['toggled'])?.slice(0, maxToggled) ?? [],
    query: typeof from['query'] === 'string' ? from['query'] : '',
    tab: tabIds.find((id) => id === from['tab']) ?? initial.tab,
    hiddenColumns: strings(from['hiddenColumns']) ?? initial.hiddenColumns,
    split: number(from['split'], 0.15, 0.85) ?? initial.split,
    splitStacked: number(from['splitStacked'], 0.15, 0.85) ?? initial.splitStacked,
    scale: from['scale'] === 'tensor' ? 'tensor' : 'channel',
  };
}

function strings(value: unknown): string[] | null {
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : null;
}

function number(value: unknown, min: number, max: number): number | null {
  return typeof value === 'number' && value >= min && value <= max ? value : null;
}
