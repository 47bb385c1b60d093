/** Large well-known models: topology only, shapes and parameters of every layer. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

export async function checkApplication(cli, fixtures, { name, keras, files }) {
  const row = { application: `${name} (${keras})`, layers: 0, wrong: [], notYet: null };
  const [topology, goldenFile] = files.map((file) => path.join(fixtures, 'applications', file));
  if (!existsSync(topology)) return { ...row, notYet: 'the file is not in this folder' };
  const golden = JSON.parse(gunzipSync(readFileSync(goldenFile)).toString('utf8'));
  const folder = mkdtempSync(path.join(tmpdir(), 'conformance-application-'));
  try {
    const file = path.join(folder, 'model.json');
    writeFileSync(
      file,
      `{"modelTopology":${gunzipSync(readFileSync(topology)).toString('utf8')},"weightsManifest":[]}`,
    );
    const { json, stderr } = await cli.run(['inspect', file, '--json']);
    // without weights there is an error beside the document: that is right
    if (!json?.layers) return { ...row, wrong: [`inspect: ${stderr.slice(0, 300)}`] };
    const found = new Map(json.layers.map((layer) => [layer.address.replace(/\\(.)/gs, '$1'), layer]));
    row.layers = golden.layers.length;
    const expect = (what, actual, expected) => {
      if (JSON.stringify(actual) !== JSON.stringify(expected))
        row.wrong.push(`${what}: ${JSON.stringify(actual)}, Keras: ${JSON.stringify(expected)}`);
    };
    for (const line of golden.layers) {
      const fact = Object.fromEntries(golden.columns.map((column, i) => [column, line[i]]));
      const own = found.get(fact.address);
      if (!own) {
        row.wrong.push(`${fact.address} is missing`);
        continue;
      }
      expect(`${fact.address} class`, own.class, fact.class);
      expect(`${fact.address} parameters`, own.params.total, fact.params);
      expect(`${fact.address} trainable`, own.params.trainable, fact.trainable);
      expect(
        `${fact.address} weight shapes`,
        own.weights.map(({ shape }) => shape),
        fact.weightShapes,
      );
      expect(
        `${fact.address} output shapes`,
        own.calls.map(({ outputs }) => outputs.map(({ shape }) => shape)),
        fact.outputShapesOfEachCall,
      );
    }
    const { params, trainable, nonTrainable } = json.totals;
    expect('totals', { params, trainable, nonTrainable }, golden.totals);
    return row;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
