// Loaded beside Model Slicer by `npm start` alone: a folder can be opened from outside, an editor of a kind cannot.
'use strict';
const vscode = require('vscode');

exports.activate = async () => {
  const file = process.env.MODEL_SLICER_START_FILE;
  const view = process.env.MODEL_SLICER_START_VIEW;
  if (!file || !view) return;
  await vscode.commands.executeCommand('vscode.openWith', vscode.Uri.file(file), view);
};
