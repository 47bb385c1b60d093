/** The Python that this machine has, where it has one that can read what is generated. */
import { execFileSync } from 'node:child_process';

/** A Python of 3.10 or later that has `module`; null where there is none. */
export function pythonWith(module: string): string | null {
  for (const name of ['python3', 'python']) {
    try {
      execFileSync(name, ['-c', `import sys, ${module}; assert sys.version_info >= (3, 10)`], { stdio: 'ignore' });
      return name;
    } catch {
      // the next one may do
    }
  }
  return null;
}
