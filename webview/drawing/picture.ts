/** Puts ready pixels on a canvas, once. */
import { noChange } from 'lit';
import { AsyncDirective } from 'lit/async-directive.js';
import { directive, PartType, type ElementPart, type PartInfo } from 'lit/directive.js';
import type { Picture } from '../../src/protocol/engine';

class PictureDirective extends AsyncDirective {
  private drawn: Picture | null = null;

  constructor(part: PartInfo) {
    super(part);
    if (part.type !== PartType.ELEMENT) throw new Error('picture belongs on a canvas element');
  }

  override render(_picture: Picture): typeof noChange {
    return noChange;
  }

  override update(part: ElementPart, [picture]: [Picture]): typeof noChange {
    if (this.drawn !== picture) drawPicture(part.element as HTMLCanvasElement, picture);
    this.drawn = picture;
    return noChange;
  }
}

/** `<canvas ${picture(p)}>`: sets the canvas's size in pixels; CSS sets the size on screen. */
export const picture = directive(PictureDirective);

export function drawPicture(canvas: HTMLCanvasElement, { width, height, rgba }: Picture): void {
  if (width <= 0 || height <= 0 || rgba.length !== width * height * 4) return;
  canvas.width = width;
  canvas.height = height;
  canvas
    .getContext('2d')
    ?.putImageData(
      new ImageData(new Uint8ClampedArray(rgba.buffer, rgba.byteOffset, rgba.length), width, height),
      0,
      0,
    );
}
