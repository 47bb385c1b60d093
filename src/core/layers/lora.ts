/**
 * Whether a weight is one of LoRA's two small factors. Keras adds their product to the kernel when it saves and leaves
 * them out, though `lora_rank` stays in the configuration: read back, the second one is zero and the pair does nothing.
 */
export function isLoraFactor(name: string): boolean {
  return /(^|\/)lora_(kernel|embeddings)_[ab]$/.test(name);
}
