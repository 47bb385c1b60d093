/** What the harness page is given: a model file as text, and tensors that plain tfjs computed from it. */
export interface Recording {
  file: string;
  modelText: string;
  shards: { path: string; size: number }[];
  /** By call address. */
  tensors: Record<string, { shape: number[]; dtype: string; base64: string }>;
  /** The picture that went in: 8 bits grey. */
  picture: { width: number; height: number; base64: string } | null;
}
