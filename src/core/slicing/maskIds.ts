/** Names for masks: two of one id have the same values in every run. */
import type { OpenCall, OpenTensor } from './openGraph';

export type MaskId = number;

export const NO_MASK: MaskId = 0;
/** A mask that hides nothing. */
const ALL = 1;
/** Masks of one value for each feature, as Keras 3's operations make them. */
const ZEROS = 2;
const ONES = 3;
/** What TF.js makes of the masks that its merging layers get: of no use. */
export const BROKEN: MaskId = 4;

interface Form {
  kind: 'wide' | 'joined';
  of: MaskId;
}

export class MaskIds {
  readonly all = ALL;
  readonly zeros = ZEROS;
  readonly ones = ONES;
  private readonly known = new Map<string, MaskId>();
  private readonly forms = new Map<MaskId, Form>([[ONES, { kind: 'wide', of: ALL }]]);
  private readonly objects = new Map<OpenTensor | OpenCall, number>();

  /** A tensor of which nothing more is known. */
  tensor(tensor: OpenTensor): MaskId {
    return this.id(`tensor ${this.number(tensor)}`);
  }

  /** Something that only this call makes. */
  call(call: OpenCall): MaskId {
    return this.id(`call ${this.number(call)}`);
  }

  notEqual(tensor: OpenTensor, value: number): MaskId {
    return this.id(`${this.number(tensor)} != ${value}`);
  }

  /** True where any feature is. */
  anyOf(id: MaskId): MaskId {
    const form = this.forms.get(id);
    if (form) return form.of;
    return this.id(`any ${id}`);
  }

  /** The mask with an axis of one feature. */
  wide(id: MaskId): MaskId {
    return this.form('wide', id);
  }

  or(a: MaskId, b: MaskId): MaskId {
    if (a === b || b === ZEROS) return a;
    if (a === ZEROS) return b;
    if (a === ALL || b === ALL) return ALL;
    const wide = this.bothWide(a, b);
    return wide ? this.wide(this.or(...wide)) : this.id(`or ${Math.min(a, b)} ${Math.max(a, b)}`);
  }

  and(a: MaskId, b: MaskId): MaskId {
    if (a === b || b === ALL || b === ONES) return a;
    if (a === ALL || a === ONES) return b;
    const wide = this.bothWide(a, b);
    return wide ? this.wide(this.and(...wide)) : this.id(`and ${Math.min(a, b)} ${Math.max(a, b)}`);
  }

  /** Masks with features, joined along those; null where one of them has none. */
  joined(ids: readonly MaskId[]): MaskId | null {
    const parts = ids.map((id) => this.forms.get(id));
    if (parts.length === 0 || !parts.every((form) => form?.kind === 'wide')) return null;
    return this.form(
      'joined',
      parts.map((form) => form?.of ?? ALL).reduce((a, b) => this.or(a, b)),
    );
  }

  /** All of these at once, in this order. */
  several(ids: readonly MaskId[]): MaskId {
    const [only] = ids;
    return ids.length === 1 && only !== undefined ? only : this.id(`several ${ids.join(' ')}`);
  }

  private bothWide(a: MaskId, b: MaskId): [MaskId, MaskId] | null {
    const [first, second] = [this.forms.get(a), this.forms.get(b)];
    return first?.kind === 'wide' && second?.kind === 'wide' ? [first.of, second.of] : null;
  }

  private form(kind: Form['kind'], of: MaskId): MaskId {
    const id = this.id(`${kind} ${of}`);
    if (!this.forms.has(id)) this.forms.set(id, { kind, of });
    return id;
  }

  private id(text: string): MaskId {
    let id = this.known.get(text);
    if (id === undefined) {
      id = this.known.size + 5;
      this.known.set(text, id);
    }
    return id;
  }

  private number(object: OpenTensor | OpenCall): number {
    let at = this.objects.get(object);
    if (at === undefined) {
      at = this.objects.size;
      this.objects.set(object, at);
    }
    return at;
  }
}

/** Whether a mask hides anything. */
export function hides(id: MaskId): boolean {
  return id !== NO_MASK && id !== ALL;
}

/** Whether two masks have the same effect. */
export function sameMask(a: MaskId, b: MaskId): boolean {
  return a === b || (!hides(a) && !hides(b));
}
