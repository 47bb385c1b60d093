// Who may import what. The table is in CONTRIBUTING.md; a breach fails `npm test`.
'use strict';

/** `src/<part>` and `webview`, and what each may import besides itself. */
const PARTS = {
  core: { path: '^src/core/', ours: [], libraries: ['code-block-writer', '@lezer'], node: false },
  protocol: { path: '^src/protocol/', ours: ['core'], libraries: [], node: false },
  engine: {
    path: '^src/engine/',
    ours: ['core', 'protocol'],
    libraries: [
      '@tensorflow/tfjs-core',
      '@tensorflow/tfjs-layers',
      '@tensorflow/tfjs-converter',
      '@tensorflow/tfjs-backend-wasm',
      '@tensorflow/tfjs-backend-cpu',
      '@tensorflow/tfjs-node',
      '@jsquash/jpeg',
      'fast-png',
      'h5wasm',
    ],
    node: true,
  },
  client: { path: '^src/client/', ours: ['core', 'protocol'], libraries: [], node: true },
  host: { path: '^src/host/', ours: ['core', 'protocol', 'client'], libraries: ['vscode'], node: true },
  cli: { path: '^src/cli/', ours: ['core', 'protocol', 'client'], libraries: ['commander'], node: true },
  webview: {
    path: '^webview/',
    ours: ['core', 'protocol'],
    libraries: ['lit', '@lit', 'lit-html', 'lit-element', '@tanstack/virtual-core', 'highlight.js'],
    node: false,
  },
  root: {
    path: '^src/extension\\.ts$',
    ours: ['core', 'protocol', 'client', 'host'],
    libraries: ['vscode'],
    node: true,
  },
};

const TOOLKIT = '@vscode/webview-ui-toolkit';
const escaped = (text) => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
/** A library under node_modules, its types alone (vscode), or its name where it is not installed. */
const library = (name) => `(^|node_modules/(@types/)?)${escaped(name)}(/|$)`;
/** Our own files, also where a relative path leads nowhere: `resolvable` says that. */
const OURS = '^(src|webview)/|^\\.';

const forbidden = Object.entries(PARTS).flatMap(([name, { path, ours, libraries, node }]) => {
  const allowed = [path, ...ours.map((part) => PARTS[part].path)];
  const rules = [
    {
      name: `${name}-imports-of-ours`,
      comment: `${name} may import of ours: ${[name, ...ours].join(', ')}`,
      severity: 'error',
      from: { path },
      to: { path: '^(src|webview|test|scripts|media)/', pathNot: allowed },
    },
    {
      name: `${name}-libraries`,
      comment: `${name} may import of libraries: ${libraries.join(', ') || 'none'}`,
      severity: 'error',
      from: { path, ...(name === 'webview' ? { pathNot: '^webview/ui/' } : {}) },
      to: { dependencyTypesNot: ['local', 'core'], path: '.', pathNot: [OURS, ...libraries.map(library)] },
    },
  ];
  if (!node) {
    rules.push({
      name: `${name}-without-node`,
      comment: `${name} runs without Node`,
      severity: 'error',
      from: { path },
      to: { dependencyTypes: ['core'] },
    });
  }
  return rules;
});

module.exports = {
  forbidden: [
    ...forbidden,
    {
      name: 'toolkit-behind-ui',
      comment: 'Only webview/ui knows the component library, so that it can be exchanged in one place',
      severity: 'error',
      from: { path: '^webview/ui/' },
      to: {
        dependencyTypesNot: ['local', 'core'],
        path: '.',
        pathNot: [OURS, ...[...PARTS.webview.libraries, TOOLKIT].map(library)],
      },
    },
    {
      name: 'no-cycles',
      comment: 'Modules that need each other are one module, or a third one is missing',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-dead-views',
      comment: 'Custom elements are used by their tags: what the entry does not reach is never registered',
      severity: 'error',
      from: { path: '^webview/main\\.ts$' },
      to: { path: '^webview/', pathNot: '\\.d\\.ts$', reachable: false },
    },
    {
      name: 'resolvable',
      comment: 'What is imported must exist',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^vscode$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
    cache: { folder: '.cache/dependency-cruiser', strategy: 'content' },
  },
};
