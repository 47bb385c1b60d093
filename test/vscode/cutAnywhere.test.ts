/** Cuts by command: into nested models, in two, of graph-models, and proofs that fail. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { commands, type CommandArguments, type CommandId } from '../../src/host/contributions';
import type { VerifyResult } from '../../src/protocol/engine';
import { copyFixture, inWorkspace, openModel, sample, startAfresh, until } from './modelEditor';
import { canDrive, ui } from './ui';

/** A command as scripts call it. */
function run<Id extends CommandId, Result = unknown>(id: Id, args: CommandArguments[Id]): Thenable<Result> {
  return vscode.commands.executeCommand<Result>(id, args);
}

function fixture(from: string, to: string): vscode.Uri {
  return vscode.Uri.joinPath(copyFixture(from, to), 'model.json');
}

function freshFolder(name: string): vscode.Uri {
  const folder = inWorkspace(name);
  fs.rmSync(folder.fsPath, { recursive: true, force: true });
  return folder;
}

interface Split {
  handedOver: string[];
  prefix: { files: string[] };
  suffix: { files: string[] };
  proof: Record<'prefix' | 'suffix', VerifyResult> | null;
}

describe('cuts by command', () => {
  let residual: vscode.Uri;
  beforeEach(async () => {
    residual = fixture('residual-block/tfjs-keras2-h5', 'residual-commands');
    await startAfresh(residual, sample());
  });
  afterEach(() => startAfresh(residual));

  it('start here, missing inputs added at once, the cut before a layer', async () => {
    await run(commands.markOutput, { uri: residual, addresses: ['add2'] });
    await run(commands.markInput, { uri: residual, addresses: ['conv1'] });
    const open = await until(residual, ({ slice: { plan } }) => plan?.boundary.closed === false);
    assert.deepEqual(
      open.slice.marks.map(({ kind }) => kind),
      ['output', 'start'],
    );
    await assert.rejects(async () => run(commands.saveSlice, { uri: residual, target: 'open-cut' }), /stem/);
    await run(commands.addMissingInputs, { uri: residual });
    const { slice } = await until(residual, ({ slice: { verification } }) => verification.state === 'done');
    assert.deepEqual(slice.plan?.cut, { outputs: ['add2'], inputs: ['relu1', 'stem'] });
    assert.ok(slice.verification.state === 'done' && slice.verification.result.passed);
    await run(commands.sliceBeforeLayer, { uri: residual, addresses: ['add1'] });
    const before = await until(residual, ({ slice: { plan } }) => plan?.outputs.length === 2);
    assert.deepEqual(
      before.slice.plan?.outputs.map(({ address }) => address),
      ['stem', 'bn2'],
    );
  });

  it('a layer inside a nested model: from its start to the end, difference 0', async () => {
    const uri = fixture('nested-three-deep/tfjs-keras2-h5', 'nested-start');
    const { model } = await openModel(uri);
    const deep = model?.layers.filter(({ depth, class: name }) => depth > 1 && name !== 'InputLayer').at(-1);
    const call = deep?.calls[0];
    assert.ok(call);
    await run(commands.markInput, { uri, addresses: [call.address] });
    const { slice } = await until(uri, ({ slice: { verification } }) => verification.state === 'done');
    assert.equal(slice.planError, null);
    assert.ok(
      slice.plan?.layers.some((address) => address.endsWith(`/${deep.name}`)),
      slice.plan?.layers.join(' '),
    );
    assert.ok(slice.verification.state === 'done');
    const { outputs, passed } = slice.verification.result;
    assert.deepEqual([outputs.map(({ maxAbsDiff }) => maxAbsDiff), passed], [[0], true]);
    await startAfresh(uri);
  });

  it('before the fused activation: marked, proven, and looked at', async function () {
    const inner = 'conv_1@pre';
    await run(commands.markOutput, { uri: sample(), addresses: [inner] });
    const { slice } = await until(sample(), ({ slice: { verification } }) => /done|failed/.test(verification.state));
    assert.deepEqual(
      slice.plan?.outputs.map(({ address, shape }) => [address, shape]),
      [[inner, [null, 26, 26, 32]]],
    );
    assert.ok(slice.verification.state === 'done' && slice.verification.result.passed);
    if (!canDrive) this.skip();
    await ui(async ({ webview }, address) => {
      await webview().locator('.tree-row .name:text-is("conv_1")').click();
      await webview().getByRole('tab', { name: 'Tensors' }).click();
      await webview()
        .getByRole('button', { name: `Preview ${address}` })
        .click();
      await webview().locator('ms-activations canvas, .details-pane canvas').first().waitFor();
    }, inner);
    const { activations } = await until(sample(), (state) => state.run.state === 'done');
    const [before, after] = [inner, 'conv_1'].map((address) => activations.find((item) => item.address === address));
    // relu leaves nothing below zero, and what is above as it is
    assert.ok(before && after && before.statistics.min < 0);
    assert.deepEqual([after.statistics.min, after.statistics.max], [0, before.statistics.max]);
  });

  it('in two at a layer: both parts proven, written, and opened', async () => {
    const target = freshFolder('split');
    const split = await run<typeof commands.splitAtLayer, Split>(commands.splitAtLayer, {
      uri: residual,
      addresses: ['add1'],
      target,
    });
    assert.deepEqual(split.handedOver, ['add1']);
    for (const part of ['prefix', 'suffix'] as const) {
      const proof = split.proof?.[part];
      assert.ok(proof?.passed, part);
      assert.deepEqual(
        proof.outputs.map(({ maxAbsDiff }) => maxAbsDiff),
        [0],
      );
    }
    assert.equal(split.proof?.suffix.wholeFromParts?.maxAbsDiff, 0);
    assert.deepEqual(fs.readdirSync(target.fsPath).sort(), ['prefix', 'suffix']);
    const parts = [];
    for (const part of ['prefix', 'suffix']) {
      const uri = vscode.Uri.joinPath(target, part, 'model.json');
      const { model, error } = await openModel(uri);
      assert.equal(error, null);
      parts.push(model);
    }
    assert.equal((parts[0]?.totals.params ?? 0) + (parts[1]?.totals.params ?? 0), 1048);
    assert.deepEqual(parts[0]?.outputs[0]?.shape, parts[1]?.inputs[0]?.shape);
    // the marks are the user's
    assert.deepEqual((await until(residual, () => true)).slice.marks, []);
  });

  it('where one tensor is not enough, the split says so, or hands over the others too', async () => {
    const target = freshFolder('split-open');
    const at = { uri: residual, addresses: ['conv1'], target };
    await assert.rejects(async () => run(commands.splitAtLayer, at), /conv1.*stem.*handed over.*add1/);
    assert.equal(fs.existsSync(target.fsPath), false);
    const split = await run<typeof commands.splitAtLayer, Split>(commands.splitAtLayer, { ...at, close: true });
    assert.deepEqual(split.handedOver, ['conv1', 'stem']);
    assert.ok(split.proof?.suffix.passed);
    const suffix = fs.readFileSync(path.join(target.fsPath, 'suffix', 'model.json'));
    await assert.rejects(
      async () => run(commands.splitAtLayer, { uri: residual, addresses: ['add1'], target, overwrite: false }),
      /exists already/,
    );
    assert.ok(suffix.equals(fs.readFileSync(path.join(target.fsPath, 'suffix', 'model.json'))));
    await run(commands.splitAtLayer, { uri: residual, addresses: ['add1'], target, overwrite: true });
    assert.ok(!suffix.equals(fs.readFileSync(path.join(target.fsPath, 'suffix', 'model.json'))));
    assert.deepEqual(fs.readdirSync(target.fsPath).sort(), ['prefix', 'suffix']);
  });

  it('there is nothing to split off before the first layer and after the last', async () => {
    const split = (address: string): Thenable<unknown> =>
      run(commands.splitAtLayer, { uri: residual, addresses: [address], target: 'nothing' });
    await assert.rejects(async () => split('image'), /before image/);
    await assert.rejects(async () => split('head'), /after head/);
    assert.equal(fs.existsSync(inWorkspace('nothing').fsPath), false);
  });

  it('weights in files of the size that is asked for', async () => {
    const target = freshFolder('small-shards');
    const args = { uri: residual, addresses: ['head'], target, shardBytes: 1000 };
    const written = await run<typeof commands.saveSlice, { files: string[] }>(commands.saveSlice, args);
    const shards = written.files.filter((file) => file.endsWith('.bin'));
    assert.equal(shards.length, Math.ceil((4 * 1048) / 1000));
    for (const file of shards) assert.ok(fs.statSync(path.join(target.fsPath, file)).size <= 1000);
  });

  it('a proof on several data; one that fails is shown, with the output that differs', async () => {
    const target = freshFolder('broken');
    await run(commands.saveSlice, { uri: residual, addresses: ['add1'], target });
    const good = await run<typeof commands.verifySlice, VerifyResult>(commands.verifySlice, {
      uri: residual,
      inputs: ['zeros', 'random:3', 'current'],
      slice: target,
    });
    assert.deepEqual(
      [good.passed, good.data.map(({ label }) => label.split(' ')[0])],
      [true, ['zeros', 'random:3', 'random:7']],
    );
    const shard = path.join(target.fsPath, 'group1-shard1of1.bin');
    const bytes = fs.readFileSync(shard);
    bytes.writeUInt8(bytes.readUInt8(3) ^ 0x40, 3);
    fs.writeFileSync(shard, bytes);
    const bad = await run<typeof commands.verifySlice, VerifyResult>(commands.verifySlice, {
      uri: residual,
      slice: target,
    });
    assert.deepEqual(
      [bad.passed, bad.outputs.map(({ address, equal }) => [address, equal])],
      [false, [['add1', false]]],
    );
    const { slice } = await until(residual, ({ slice: { verification } }) => verification.state === 'done');
    assert.ok(slice.verification.state === 'done' && !slice.verification.result.passed);
    await assert.rejects(
      async () => run(commands.verifySlice, { uri: residual, inputs: 'sevens' as 'zeros' }),
      /no values called sevens/,
    );
  });

  it('a graph-model: cut at a node, proven, saved as a graph-model that opens', async () => {
    const uri = fixture('mobilenet-block/tfjs-graph-keras3', 'graph-cut');
    const { model } = await openModel(uri);
    assert.equal(model?.format, 'graph-model');
    const middle = model.layers.filter(({ class: name }) => /conv/i.test(name)).at(0)?.calls[0]?.address;
    assert.ok(middle);
    const target = freshFolder('graph-slice');
    await run(commands.sliceToLayer, { uri, addresses: [middle] });
    const { slice } = await until(
      uri,
      ({ slice: { verification, planError } }) => /done|failed/.test(verification.state) || planError !== null,
    );
    assert.equal(slice.planError, null);
    assert.equal(slice.plan?.format, 'graph-model');
    assert.ok(
      slice.verification.state === 'done' && slice.verification.result.passed,
      JSON.stringify(slice.verification),
    );
    await run(commands.saveSlice, { uri, target });
    const saved = vscode.Uri.joinPath(target, 'model.json');
    const reopened = await openModel(saved);
    assert.equal(reopened.error, null);
    assert.equal(reopened.model?.format, 'graph-model');
    await run(commands.run, { uri: saved });
    await startAfresh(uri, saved);
  });
});
