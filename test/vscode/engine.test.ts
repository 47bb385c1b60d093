import assert from 'node:assert/strict';
import path from 'node:path';
import * as vscode from 'vscode';
import { commands, settings, settingsSection } from '../../src/host/contributions';
import { keras } from '../fixtures';
import { enginePids } from './enginePids';
import { copyFixture, golden, openModel, relativeDifference, sample, startAfresh, until } from './modelEditor';

const running = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('the engine', () => {
  beforeEach(() => startAfresh(sample()));

  it('that dies takes no more than its tensors along: statistics stay, the next run works', async function () {
    if (process.platform !== 'linux') this.skip();
    await openModel(sample());
    await vscode.commands.executeCommand(commands.run, { uri: sample() });
    await until(sample(), ({ run }) => run.live && run.outputs.length > 0);
    const [pid] = enginePids();
    assert.ok(pid);
    process.kill(pid, 'SIGKILL');
    const target = path.join(path.dirname(sample().fsPath), 'after-death.npz');
    await assert.rejects(
      async () => vscode.commands.executeCommand(commands.exportActivations, { uri: sample(), target }),
      /run the model again|was ended|ended unexpectedly/,
    );
    const { run, activations } = await until(sample(), (state) => !state.run.live);
    assert.equal(run.state, 'done');
    assert.equal(activations.length, 7);
    await vscode.commands.executeCommand(commands.run, { uri: sample() });
    await until(sample(), (state) => state.run.live);
  });

  it('ends with the last editor', async function () {
    if (process.platform !== 'linux') this.skip();
    await openModel(sample());
    const pids = enginePids();
    assert.equal(pids.length, 1);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    for (let tries = 0; pids.some(running) && tries < 200; tries++)
      await new Promise((resolve) => setTimeout(resolve, 25));
    assert.deepEqual(pids.filter(running), []);
  });

  it('computes on the backend that the settings ask for', async () => {
    const backend = (): string => vscode.workspace.getConfiguration(settingsSection).get(settings.backend, '');
    await openModel(sample());
    try {
      await vscode.commands.executeCommand(commands.selectBackend, { backend: 'cpu' });
      assert.equal(backend(), 'cpu');
      await vscode.commands.executeCommand(commands.run, { uri: sample() });
      const { run } = await until(sample(), (state) => state.run.state === 'done');
      assert.equal(run.backend, 'cpu');
    } finally {
      await vscode.workspace.getConfiguration(settingsSection).update(settings.backend, undefined, true);
    }
  });

  it('refuses a run that the settings leave no memory for, before it begins, and says how to go on', async () => {
    const uri = sample();
    await openModel(uri);
    const config = vscode.workspace.getConfiguration(settingsSection);
    await config.update(settings.memoryLimit, 100, vscode.ConfigurationTarget.Global);
    try {
      await assert.rejects(
        async () => vscode.commands.executeCommand(commands.run, { uri }),
        /needs about \d+ MB of memory .* more than the 100 MB .* modelSlicer\.engine\.memoryLimit/,
      );
    } finally {
      await config.update(settings.memoryLimit, undefined, vscode.ConfigurationTarget.Global);
    }
    await vscode.commands.executeCommand(commands.run, { uri });
    await until(uri, ({ run }) => run.state === 'done');
  });

  it("reads a user's own layers when the setting names them: the numbers are those of Keras", async () => {
    const folder = copyFixture('tutorial-custom-layer', 'custom-layer');
    const uri = vscode.Uri.joinPath(folder, 'tfjs-keras3-h5', 'model.json');
    const config = vscode.workspace.getConfiguration(settingsSection, uri);
    const { model } = await openModel(uri);
    assert.ok(
      model?.problems.some(({ code }) => code === 'unknown-class'),
      JSON.stringify(model?.problems),
    );
    const reread = until(uri, ({ loading }) => loading);
    await config.update(settings.customLayers, ['custom-layer/custom-layers.js'], vscode.ConfigurationTarget.Workspace);
    try {
      await reread;
      await until(uri, ({ loading }) => !loading);
      const input = path.join(keras, 'tutorial-custom-layer', 'input-0.npy');
      await vscode.commands.executeCommand(commands.chooseInput, { uri, file: input });
      await vscode.commands.executeCommand(commands.run, { uri });
      const { activations } = await until(uri, ({ run }) => run.state === 'done');
      const expected = golden('tutorial-custom-layer').activations;
      for (const { address, statistics } of activations) {
        const wanted = expected[address];
        if (wanted) assert.ok(relativeDifference(statistics.first, wanted.first) <= 1e-4, address);
      }
      assert.ok(activations.some(({ address }) => expected[address]));
    } finally {
      await config.update(settings.customLayers, undefined, vscode.ConfigurationTarget.Workspace);
      await startAfresh(uri);
    }
  });
});
