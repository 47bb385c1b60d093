// Loaded beside the extension by `npm run bench`: activates it in a fresh extension host, and says when.
'use strict';
const fs = require('node:fs');
const vscode = require('vscode');

exports.activate = async () => {
  const extension = vscode.extensions.getExtension('model-slicer.model-slicer');
  const atStartup = extension.isActive;
  await extension.activate();
  fs.appendFileSync(process.env.MODEL_SLICER_PROBE, `${JSON.stringify({ atStartup })}\n`);
};
