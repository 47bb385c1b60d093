/** What the real webview lets a page do, and a model whose every name is an attack, looked at in every view. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { commands } from '../../src/host/contributions';
import { inWorkspace, openModel, sample, startAfresh, until } from './modelEditor';
import { canDrive, ui } from './ui';

/** Would leave its mark in the page. */
const attack = (where: string): string =>
  `<img src=x onerror="document.body.dataset.hacked='${where}'"><b>${where}</b>`;

function writeHostileModel(folder: string): vscode.Uri {
  fs.mkdirSync(folder, { recursive: true });
  const [first, second] = [attack('one'), attack('two')];
  const dense = (name: string, inputs: unknown[]): object => ({
    class_name: 'Dense',
    name,
    config: { name, units: 2, activation: 'linear', use_bias: false, extra: attack('config') },
    inbound_nodes: [inputs],
  });
  const input = attack('input');
  const layers = [
    {
      class_name: 'InputLayer',
      name: input,
      config: { name: input, batch_input_shape: [null, 2], dtype: 'float32' },
      inbound_nodes: [],
    },
    dense(first, [[input, 0, 0, {}]]),
    dense(second, [[first, 0, 0, {}]]),
    {
      class_name: attack('class'),
      name: attack('unknown'),
      config: { name: attack('unknown') },
      inbound_nodes: [[[second, 0, 0, {}]]],
    },
  ];
  const config = { name: attack('model'), layers, input_layers: [[input, 0, 0]], output_layers: [[second, 0, 0]] };
  const weights = [first, second].map((name) => ({ name: `${name}/kernel`, shape: [2, 2], dtype: 'float32' }));
  fs.writeFileSync(path.join(folder, 'weights.bin'), Buffer.from(new Float32Array(8).fill(0.5).buffer));
  const file = path.join(folder, 'model.json');
  fs.writeFileSync(
    file,
    JSON.stringify({
      format: 'layers-model',
      generatedBy: attack('producer'),
      convertedBy: attack('converter'),
      modelTopology: {
        keras_version: '2.15.0',
        backend: attack('backend'),
        model_config: { class_name: 'Functional', config },
      },
      userDefinedMetadata: { [attack('key')]: attack('metadata') },
      weightsManifest: [{ paths: ['weights.bin'], weights }],
    }),
  );
  return vscode.Uri.file(file);
}

describe('the webview', () => {
  before(function () {
    if (!canDrive) this.skip();
  });
  beforeEach(() => startAfresh(sample()));

  it('has a policy that lets in its own script, style, font and pictures, and nothing else', async () => {
    await openModel(sample());
    const found = await ui(async ({ webview }) => {
      await webview().locator('.tree-row').first().waitFor();
      return webview()
        .locator('body')
        .evaluate(async (body) => {
          const refused: string[] = [];
          document.addEventListener('securitypolicyviolation', (event) => refused.push(event.effectiveDirective));
          const script = document.createElement('script');
          script.textContent = 'document.body.dataset.hacked = "inline"';
          body.append(script);
          const styled = document.createElement('p');
          styled.setAttribute('style', 'color: rgb(1, 2, 3)');
          body.append(styled);
          const inlineStyle = getComputedStyle(styled).color === 'rgb(1, 2, 3)';
          const frame = document.createElement('iframe');
          frame.src = 'https://example.com/';
          body.append(frame);
          const fetched = await fetch('https://example.com/').then(
            () => true,
            () => false,
          );
          // not from here: the browser's own debugger, which calls this, may evaluate
          const evaluated = await new Promise<boolean>((resolve) =>
            setTimeout(() => {
              try {
                resolve((0, eval)('true') as boolean);
              } catch {
                resolve(false);
              }
            }),
          );
          for (let tries = 0; tries < 100 && new Set(refused).size < 5; tries++)
            await new Promise((resolve) => setTimeout(resolve, 20));
          for (const made of [script, styled, frame]) made.remove();
          const policy = document.querySelector('meta[http-equiv="Content-Security-Policy"]')?.getAttribute('content');
          return { policy, inlineStyle, fetched, evaluated, refused, hacked: body.dataset['hacked'] ?? null };
        });
    });
    assert.match(found.policy ?? '', /^default-src 'none'; script-src 'nonce-[\w+/=]{20,}'; style-src /);
    assert.doesNotMatch(found.policy ?? '', /unsafe|\*(?!\.)/);
    assert.deepEqual(
      { ...found, policy: null, refused: [...new Set(found.refused)].sort() },
      {
        policy: null,
        inlineStyle: false,
        fetched: false,
        evaluated: false,
        hacked: null,
        refused: ['connect-src', 'frame-src', 'script-src', 'script-src-elem', 'style-src-attr'],
      },
    );
  });

  it('shows names, classes, configs and metadata that are attacks as text in every view', async () => {
    const uri = writeHostileModel(inWorkspace('hostile-names').fsPath);
    const { model, error } = await openModel(uri);
    assert.equal(error, null);
    assert.ok(model);
    await vscode.commands.executeCommand(commands.markOutput, { uri, addresses: [attack('one')] });
    await vscode.commands.executeCommand(commands.run, { uri }).then(
      () => undefined,
      () => undefined,
    );
    await until(uri, ({ run }) => run.state === 'done' || run.state === 'failed');
    const seen = await ui(async ({ webview }) => {
      const page = webview();
      const rows = page.locator('.tree-row');
      await rows.first().waitFor();
      let views = 0;
      for (let row = 0; row < (await rows.count()); row++) {
        await rows.nth(row).click();
        const tabs = page.locator('[role="tab"]:visible');
        for (let tab = 0; tab < (await tabs.count()); tab++) {
          await tabs.nth(tab).click();
          views += 1;
        }
      }
      return page.locator('body').evaluate((body, count) => {
        return {
          views: count,
          hacked: body.dataset['hacked'] ?? null,
          pictures: body.querySelectorAll('img[src="x"]').length,
          bold: [...body.querySelectorAll('b')].filter(({ textContent }) => textContent === 'one').length,
          names: [...body.querySelectorAll('.tree-row .name')].map(({ textContent }) => textContent ?? ''),
        };
      }, views);
    });
    assert.ok(seen.views >= 4, `${seen.views} views`);
    assert.deepEqual([seen.hacked, seen.pictures, seen.bold], [null, 0, 0]);
    assert.ok(seen.names.includes(attack('one')), seen.names.join('\n'));
    await vscode.commands.executeCommand(commands.clearMarks, { uri });
  });
});
