/** Classes of the user's own in the real editor: from a class that nobody knows to what it sets on itself. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { commands, settings, settingsSection } from '../../src/host/contributions';
import { keras } from '../fixtures';
import { copyFixture, golden, openModel, relativeDifference, startAfresh, until } from './modelEditor';

describe('a class of the user’s own', () => {
  it('is begun, used by the setting, written, and read inside', async function () {
    this.timeout(120_000);
    const folder = copyFixture('tutorial-custom-layer', 'own-class');
    const uri = vscode.Uri.joinPath(folder, 'tfjs-keras3', 'model.json');
    await openModel(uri);
    const target = vscode.Uri.joinPath(folder, 'feature.cjs').fsPath;
    const addresses = ['my_custom_layer'];
    const made = await vscode.commands.executeCommand(commands.createCustomLayer, { uri, addresses, target });
    assert.equal(made, target);
    await assert.rejects(
      async () => vscode.commands.executeCommand(commands.createCustomLayer, { uri, addresses: ['dense'], target }),
      /needs no class of your own/,
    );
    // what its author writes
    const dense = (from: string, of: string): string =>
      `tf.add(tf.matMul(${from}, this.${of}Vars0.read()), this.${of}Vars1.read())`;
    const call = `return tf.tidy(() => { this.feature_output = tf.tanh(${dense('x', 'features')}); return tf.softmax(${dense('this.feature_output', 'scores')}); });`;
    fs.writeFileSync(target, fs.readFileSync(target, 'utf8').replace(/throw new Error\(`call\(\).*/, call));
    const config = vscode.workspace.getConfiguration(settingsSection, uri);
    const reread = until(uri, ({ loading }) => loading);
    await config.update(settings.customLayers, ['own-class/feature.cjs'], vscode.ConfigurationTarget.Workspace);
    try {
      await reread;
      await until(uri, ({ loading }) => !loading);
      const input = path.join(keras, 'tutorial-custom-layer', 'input-0.npy');
      await vscode.commands.executeCommand(commands.chooseInput, { uri, file: input });
      await vscode.commands.executeCommand(commands.run, { uri });
      const { run, activations } = await until(uri, (state) => state.run.state === 'done');
      assert.deepEqual(run.attributes, [
        { address: 'my_custom_layer@feature_output', shape: [2, 6], dtype: 'float32' },
      ]);
      const expected = golden('tutorial-custom-layer').activations['my_custom_layer']?.first ?? [];
      const found = activations.find(({ address }) => address === 'my_custom_layer')?.statistics.first ?? [];
      assert.ok(found.length > 0 && relativeDifference(found, expected) <= 1e-4);
    } finally {
      await config.update(settings.customLayers, undefined, vscode.ConfigurationTarget.Workspace);
      await startAfresh(uri);
    }
  });
});
