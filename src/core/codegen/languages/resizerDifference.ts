/** How far `tf.image.resizeBilinear` is from Pillow's resizers: measured by the tests on photographs and drawings. */

/** Of 255, the worst of all pictures and sizes; `mean` over the values of one picture. */
export const resizerDifference = {
  bilinear: { mean: 9, largest: 86 },
  bicubic: { mean: 9, largest: 78 },
} as const;
