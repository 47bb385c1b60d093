/** Which kernel does a layer class. Classes registered by custom-layer modules come in through `tfjsLayer.ts`. */
import { attentionKernels } from './attention';
import { augmentationKernels } from './augmentation';
import { categoryKernels } from './categories';
import { convolutionKernels } from './convolution';
import { coreKernels } from './core';
import type { Kernel } from './kernel';
import { locallyConnectedKernels } from './locallyConnected';
import { mergingKernels } from './merging';
import { normalizationKernels } from './normalization';
import { nestedModel } from './nestedModel';
import { lambdaKernels, operationKernel } from './operations';
import { poolingKernels } from './pooling';
import { preprocessingKernels } from './preprocessing';
import { recurrentKernels } from './recurrent';
import { reshapingKernels } from './reshaping';
import { spectrogramKernels } from './spectrograms';
import { transposedConvolutionKernels } from './transposedConvolution';
import { wrapperKernels } from './wrappers';

const kernels: Record<string, Kernel> = {
  ...coreKernels,
  ...convolutionKernels,
  ...transposedConvolutionKernels,
  ...poolingKernels,
  ...normalizationKernels,
  ...mergingKernels,
  ...reshapingKernels,
  ...recurrentKernels,
  ...attentionKernels,
  ...preprocessingKernels,
  ...categoryKernels,
  ...augmentationKernels,
  ...spectrogramKernels,
  ...locallyConnectedKernels,
  ...lambdaKernels,
  ...wrapperKernels((className) => layerKernel(className) ?? wrappedModel(className)),
};

const wrappedModels = Object.fromEntries(
  ['Sequential', 'Functional', 'Model'].map((className) => [
    className,
    nestedModel(className, (layer) => kernelOf(layer)),
  ]),
);

function wrappedModel(className: string): Kernel | null {
  return Object.hasOwn(wrappedModels, className) ? (wrappedModels[className] as Kernel) : null;
}

/** The kernel of a layer class; null when there is none. */
export function layerKernel(className: string): Kernel | null {
  return Object.hasOwn(kernels, className) ? (kernels[className] as Kernel) : null;
}

/** The kernel of a layer or, with `isLayer: false`, of a Keras 3 operation of that name. */
export function kernelOf(layer: { className: string; isLayer: boolean }): Kernel | null {
  if (layer.isLayer) return layerKernel(layer.className);
  // Keras 2's function nodes are no layers either
  return (
    operationKernel(layer.className) ??
    (Object.hasOwn(lambdaKernels, layer.className) ? layerKernel(layer.className) : null)
  );
}
