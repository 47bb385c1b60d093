import { expect, test } from 'vitest';
import { runtimeOfCode, runtimeOfProject, withModule } from '../../../../src/core/codegen/projectRuntime';

const tfjs = '@tensorflow/tfjs';
test.each([
  [{ dependencies: { [`${tfjs}-node`]: '4' } }, 'tfjs-node', `${tfjs}-node`],
  [{ devDependencies: { [`${tfjs}-node-gpu`]: '4', vite: '5' } }, 'tfjs-node', `${tfjs}-node-gpu`],
  [{ dependencies: { [tfjs]: '4' } }, 'tfjs', tfjs],
  [{ dependencies: { [tfjs]: '4' }, devDependencies: { vite: '5' } }, 'browser', tfjs],
  [{ dependencies: { [tfjs]: '4' }, browser: './browser.js' }, 'browser', tfjs],
  [{ peerDependencies: { '@tensorflow-models/mobilenet': '2' } }, 'browser', tfjs],
])('%j', (packageJson, runtime, module) => {
  expect(runtimeOfProject(packageJson)).toEqual({ runtime, module });
});

test.each([
  null,
  1,
  [],
  {},
  { dependencies: null },
  { dependencies: { left: '1' } },
  JSON.parse('{"__proto__":{"browser":1}}'),
])('says nothing: %j', (packageJson) => {
  expect(runtimeOfProject(packageJson)).toBeNull();
});

test.each([
  [`import * as tf from '${tfjs}-node';`, 'tfjs-node', `${tfjs}-node`],
  [`const tf = require("${tfjs}-node-gpu")`, 'tfjs-node', `${tfjs}-node-gpu`],
  [`import '${tfjs}-node'; import * as tf from '${tfjs}'`, 'tfjs-node', `${tfjs}-node`],
  [`const tf = await import('${tfjs}')`, 'tfjs', tfjs],
])('a file that has it: %s', (text, runtime, module) => {
  expect(runtimeOfCode(text)).toEqual({ runtime, module });
});

test('a file without', () => {
  expect(runtimeOfCode(`// ${tfjs}\nimport a from '${tfjs}-vis';`)).toBeNull();
});

test('the module by the name that the project has', () => {
  const text = `import * as tf from '${tfjs}-node';\n\nconst a = "import * as tf from '${tfjs}-node';";\n`;
  const imports = [{ module: `${tfjs}-node`, names: [], namespace: 'tf' }];
  const snippet = { language: 'typescript' as const, imports, body: '', untyped: '', text };
  const gpu = withModule(snippet, `${tfjs}-node-gpu`);
  expect(gpu.text).toBe(text.replace(`${tfjs}-node'`, `${tfjs}-node-gpu'`));
  expect(gpu.imports[0]?.module).toBe(`${tfjs}-node-gpu`);
});
