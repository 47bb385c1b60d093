/** What happens to a picture before a model sees it. */

/** How a picture becomes a tensor. Every field is what was or will be done, none is hidden. */
export interface Preprocessing {
  width: number;
  height: number;
  resize: 'pillow' | 'tensorflow';
  interpolation: 'nearest' | 'bilinear' | 'bicubic';
  colorMode: 'rgb' | 'bgr' | 'grayscale';
  layout: 'channels_last' | 'channels_first';
  /** What happens to 0…255: `unit` /255, `signed` /127.5-1, `caffe` BGR minus means, `torch` /255 and ImageNet mean/std, `none` nothing, `custom` scale/offset then mean/std per channel. */
  range: 'unit' | 'signed' | 'caffe' | 'torch' | 'none' | 'custom';
  scale?: number;
  offset?: number;
  mean?: number[];
  std?: number[];
  /** Why `auto` chose this, for people; null when the user chose. */
  reason: string | null;
}
