import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { commands } from '../../src/host/contributions';
import { enginePids } from './enginePids';
import { inWorkspace, openModel, sample, startAfresh, until } from './modelEditor';
import { readNpz } from './numpyFiles';

const KILLS = Number(process.env.MODEL_SLICER_KILLS ?? 30);
/** The sentences with which a request may end when its engine does, or waits for another that did. */
const ANSWERED =
  /engine process was ended by SIGKILL|has ended the engine process 3 times|run the model again|was closed|Cancelled/;

/** Numbers from 0 to 1, the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const execute = async (command: string, args: object): Promise<unknown> =>
  vscode.commands.executeCommand(command, args);

async function reopen(): Promise<void> {
  await execute('workbench.action.closeAllEditors', {});
  const { error } = await openModel(sample());
  if (error) throw new Error(error.message);
}

interface Work {
  name: string;
  /** Where it writes; null where it does not. */
  target: string | null;
  start(): Promise<unknown>;
  /** Fails when what stands at the target is not whole. */
  check(): void;
}

function works(round: number): Work[] {
  const uri = sample();
  const slice = inWorkspace(`killed-${round}`).fsPath;
  const archive = inWorkspace(`killed-${round}.npz`).fsPath;
  const nothing = (): void => undefined;
  return [
    { name: 'open', target: null, start: reopen, check: nothing },
    { name: 'run', target: null, start: () => execute(commands.run, { uri }), check: nothing },
    { name: 'verify', target: null, start: () => execute(commands.verifySlice, { uri }), check: nothing },
    {
      name: 'slice',
      target: slice,
      start: () => execute(commands.saveSlice, { uri, target: vscode.Uri.file(slice) }),
      check: () => {
        const text = fs.readFileSync(path.join(slice, 'model.json'), 'utf8');
        const { weightsManifest } = JSON.parse(text) as {
          weightsManifest: { paths: string[]; weights: { shape: number[] }[] }[];
        };
        for (const { paths, weights } of weightsManifest) {
          const written = paths.reduce((sum, name) => sum + fs.statSync(path.join(slice, name)).size, 0);
          const due = weights.reduce((sum, { shape }) => sum + 4 * shape.reduce((a, b) => a * b, 1), 0);
          assert.equal(written, due);
        }
      },
    },
    {
      name: 'export',
      target: archive,
      start: () => execute(commands.exportActivations, { uri, target: archive, overwrite: true }),
      check: () => assert.ok(readNpz(archive).size > 0),
    },
  ];
}

/** Files that were begun and not ended. */
function unfinished(): string[] {
  const root = inWorkspace('.').fsPath;
  const names = fs.readdirSync(root, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => path.basename(name).includes('model-slicer-') && name.endsWith('.tmp'));
}

describe('the engine, killed at random', () => {
  before(() => startAfresh(sample()));
  after(() => startAfresh(sample()));

  it(`${KILLS} times: no mark is lost, no file is half written, every request is answered`, async function () {
    if (process.platform !== 'linux') this.skip();
    this.timeout(300_000);
    const random = seeded(7);
    const uri = sample();
    await openModel(uri);
    await execute(commands.markOutput, { uri, addresses: ['conv_2'] });
    await execute(commands.run, { uri });
    const marks = [{ address: 'conv_2', kind: 'output', stale: false }];
    let [kills, answers, refusals] = [0, 0, 0];
    for (let round = 0; kills < KILLS; round++) {
      const all = works(round);
      const work = all[Math.floor(random() * all.length)];
      assert.ok(work);
      // values to export; a model whose engine ended too often is opened anew
      if (work.name === 'export') await execute(commands.run, { uri }).catch(reopen);
      const told = work.start().then(
        () => null,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
      // the moment is what is tested
      await new Promise((resolve) => setTimeout(resolve, random() * 120));
      for (const pid of enginePids()) {
        kills += 1;
        process.kill(pid, 'SIGKILL');
      }
      const said = await told;
      answers += 1;
      if (said !== null) {
        refusals += 1;
        assert.match(said, ANSWERED, work.name);
      }
      const { model } = await until(uri, ({ loading }) => !loading);
      if (!model) await reopen();
      const { slice } = await until(uri, ({ loading }) => !loading);
      assert.deepEqual(slice.marks, marks, `${work.name}, round ${round}`);
      if (work.target !== null && fs.existsSync(work.target)) {
        const isEmpty =
          fs.statSync(work.target).isDirectory() && fs.readdirSync(work.target).every((name) => name.startsWith('.'));
        if (!isEmpty) work.check();
        else assert.notEqual(said, null, `${work.name} said that it was done`);
      }
    }
    assert.ok(refusals > KILLS / 3, `${kills} kills, ${answers} answers, ${refusals} with a reason`);
    // what still works afterwards: everything
    await reopen();
    await execute(commands.run, { uri });
    await until(uri, ({ run }) => run.state === 'done' && run.live);
    for (let tries = 0; unfinished().length > 0 && tries < 200; tries++)
      await new Promise((resolve) => setTimeout(resolve, 25));
    assert.deepEqual(unfinished(), []);
  });
});
