/** Plain JavaScript: slow, and has every operation. */
import '@tensorflow/tfjs-backend-cpu';

export async function startCpu(): Promise<void> {
  // importing it registers it
}
