// Damages model files and inputs in ways that keep most of their structure, and looks what the engine makes of them.
// A crash, a hang, memory without bound, an error without code, a read outside the model or a call by network is a failure:
// it is made as small as it gets and kept in .cache/fuzz. What was mended belongs into test/fuzz/cases, for `npm test`.
// usage: npm run fuzz -- [--seed N] [--minutes 5 | --runs N] [--only json|h5|keras|npy|npz|picture] [--replay FILE.json…]
// The same seed makes the same cases in the same order; a run that was stopped goes on with the seed that it printed last.
import { fork } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { bundleTypeScript, importTypeScript } from './importTypeScript.mjs';
import { at, cache, isMain } from './repository.mjs';

const FOUND = path.join(cache, 'fuzz');
/** For a step that waits for what never comes, or that keeps the process busy that plays the editor; ms. */
const SILENT_MS = 90_000;
/** Larger fixtures take long to copy and teach nothing more, bytes. */
const LARGEST = 300_000;
const fixtures = at('test', 'fixtures');
const SAMPLE = at('media', 'sample', 'digits-cnn', 'model.json');

/** `{ kind, fixture, open }`: what there is to damage. */
export function seeds() {
  const found = [];
  const add = (kind, fixture, open) => found.push({ kind, fixture, open });
  const keras = path.join(fixtures, 'keras');
  for (const name of fs.readdirSync(keras)) {
    const folder = path.join(keras, name);
    if (name === 'bad' || name === 'applications' || !fs.statSync(folder).isDirectory()) continue;
    for (const entry of fs.readdirSync(folder)) {
      const relative = path.join('keras', name, entry);
      if (/^tfjs-/.test(entry)) add('json', relative, 'model.json');
      else if (entry.endsWith('.h5')) add('h5', relative, entry);
      else if (entry.endsWith('.keras')) add('keras', relative, entry);
      else if (entry.endsWith('.npy')) add('npy', relative, entry);
      else if (entry.endsWith('.npz')) add('npz', relative, entry);
    }
  }
  for (const entry of fs.readdirSync(path.join(fixtures, 'images')))
    if (/\.(png|jpe?g)$/.test(entry)) add('picture', path.join('images', entry), entry);
  return found.filter(({ fixture }) => sizeOf(path.join(fixtures, fixture)) <= LARGEST);
}

function sizeOf(place) {
  const stat = fs.statSync(place);
  if (!stat.isDirectory()) return stat.size;
  return fs.readdirSync(place).reduce((sum, name) => sum + sizeOf(path.join(place, name)), 0);
}

function filesOf(fixture) {
  const place = path.join(fixtures, fixture);
  const names = fs.statSync(place).isDirectory() ? fs.readdirSync(place) : [path.basename(place)];
  const folder = fs.statSync(place).isDirectory() ? place : path.dirname(place);
  return new Map(names.map((name) => [name, fs.readFileSync(path.join(folder, name))]));
}

export class Fuzzer {
  #process = null;
  #id = 0;

  static async create({ engine = at('dist', 'engine.js') } = {}) {
    const fuzzer = new Fuzzer();
    if (!fs.existsSync(engine)) throw new Error(`${engine} is missing: npm run build`);
    fuzzer.engine = fs.realpathSync(engine);
    fuzzer.mutations = await importTypeScript('test/fuzz/mutations.ts');
    fuzzer.probe = await bundleTypeScript('test/fuzz/probe.ts');
    fuzzer.scratch = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'fuzz-'));
    return fuzzer;
  }

  /** The case with this number: one to three mutations of a fixture. */
  make(number, all) {
    const { Random, mutate, mutated, zipMembers, zipMember } = this.mutations;
    const random = new Random(Math.imul(number + 1, 0x9e3779b1) | 1);
    for (let i = 0; i < 8; i++) random.next();
    // each kind as often as the others, however many fixtures it has
    const kind = random.pick([...new Set(all.map((seed) => seed.kind))]);
    const { fixture, open } = random.pick(all.filter((seed) => seed.kind === kind));
    const originals = filesOf(fixture);
    const mutations = [];
    for (let left = 1 + random.below(3); left > 0; left--) {
      const files = mutated(originals, mutations);
      const file = random.next() < 0.85 ? open : random.pick([...files.keys()]);
      const bytes = files.get(file);
      const members = /\.(keras|npz)$/.test(file) && random.next() < 0.75 ? zipMembers(bytes) : [];
      const member = members.length > 0 ? random.pick(members) : undefined;
      const target = member === undefined ? bytes : zipMember(bytes, member);
      const isJson = (member ?? file).endsWith('.json');
      mutations.push({
        file,
        ...(member ? { member } : {}),
        mutation: mutate(target, isJson ? 'json' : 'binary', random),
      });
    }
    return { fixture, open, mutations };
  }

  /** What came of a case; `wrong` is null where nothing is. */
  async run({ fixture, open, mutations }) {
    this.#id += 1;
    const folder = path.join(this.scratch, `case-${this.#id % 2}`);
    fs.rmSync(folder, { recursive: true, force: true });
    fs.mkdirSync(folder);
    for (const [name, bytes] of this.mutations.mutated(filesOf(fixture), mutations))
      fs.writeFileSync(path.join(folder, name), bytes);
    const model = /\.(json|h5|hdf5|keras)$/.test(open) ? null : SAMPLE;
    return this.#ask({ id: this.#id, folder, file: path.join(folder, open), model });
  }

  /** The same failure with as few mutations as possible. */
  async smaller(found, wrong) {
    const kindOf = (text) => text.split(/[:\s]/, 1)[0];
    let { mutations } = found;
    for (let i = 0; i < mutations.length && mutations.length > 1;) {
      const fewer = mutations.filter((_, j) => j !== i);
      const result = await this.run({ ...found, mutations: fewer });
      if (result.wrong !== null && kindOf(result.wrong) === kindOf(wrong)) mutations = fewer;
      else i += 1;
    }
    return { ...found, mutations };
  }

  stop() {
    this.#kill();
    fs.rmSync(this.scratch, { recursive: true, force: true });
  }

  #kill() {
    try {
      if (this.#process?.pid) process.kill(-this.#process.pid, 'SIGKILL');
    } catch {
      // all of them have ended
    }
    this.#process = null;
  }

  #ask(probe) {
    this.#process ??= this.#start();
    const child = this.#process;
    return new Promise((resolve) => {
      const end = (finding) => {
        clearTimeout(timer);
        child.off('message', end);
        child.off('exit', died);
        resolve(finding);
      };
      const died = (code, signal) => {
        this.#kill();
        end({
          id: probe.id,
          stage: 'editor',
          code: null,
          message: '',
          wrong: `crash of the editor's side: ${code ?? signal}`,
        });
      };
      const timer = setTimeout(() => {
        child.off('exit', died);
        this.#kill();
        end({ id: probe.id, stage: '', code: null, message: '', wrong: `silence for ${SILENT_MS / 1000} s` });
      }, SILENT_MS);
      child.on('message', end);
      child.on('exit', died);
      child.send(probe);
    });
  }

  #start() {
    const roots = [path.dirname(this.engine), this.scratch, path.dirname(SAMPLE), '/proc/self', '/sys/fs/cgroup'];
    return fork(this.probe, [this.engine, at('test', 'fuzz', 'watchReads.cjs'), path.join(this.scratch, 'probe')], {
      env: { ...process.env, MODEL_SLICER_FUZZ_ROOTS: roots.join(path.delimiter), TMPDIR: this.scratch },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // an engine that hangs does not notice that whoever started it is gone: all of them end together
      detached: true,
    });
  }
}

async function main() {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      minutes: { type: 'string' },
      runs: { type: 'string' },
      only: { type: 'string' },
      replay: { type: 'string', multiple: true, default: [] },
      engine: { type: 'string' },
    },
  });
  const fuzzer = await Fuzzer.create(values.engine ? { engine: values.engine } : {});
  process.once('SIGINT', () => {
    fuzzer.stop();
    process.exit(130);
  });
  let failures = 0;
  for (const file of values.replay) {
    const result = await fuzzer.run(JSON.parse(fs.readFileSync(file, 'utf8')));
    if (result.wrong !== null) failures += 1;
    console.log(
      `${path.basename(file)}: ${result.wrong ?? result.code ?? 'opens'} (${result.stage}) ${result.message}`,
    );
  }
  if (values.replay.length === 0) failures = await search(fuzzer, values);
  fuzzer.stop();
  process.exit(failures > 0 ? 1 : 0);
}

async function search(fuzzer, { seed, minutes, runs, only }) {
  const all = seeds().filter(({ kind }) => !only || kind === only);
  if (all.length === 0) throw new Error(`there is nothing to damage of the kind ${only}`);
  // as long as it takes, where only their number is given
  const limit = minutes ?? (runs === undefined ? '5' : 'Infinity');
  const end = Date.now() + Number(limit) * 60_000;
  const last = Number(seed) + Number(runs ?? 'Infinity');
  const outcomes = new Map();
  const known = new Set();
  let failures = 0;
  let number = Number(seed);
  for (; Date.now() < end && number < last; number++) {
    const made = fuzzer.make(number, all);
    const { stage, code, wrong } = await fuzzer.run(made);
    const outcome = wrong === null ? (code ?? 'fine') : 'WRONG';
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    if (wrong === null) continue;
    failures += 1;
    const small = await fuzzer.smaller(made, wrong);
    // the place in the engine tells failures apart
    const sign = `${stage} ${wrong.replaceAll(/\d+/g, '0').slice(0, 300)}`;
    if (known.has(sign)) continue;
    known.add(sign);
    fs.mkdirSync(FOUND, { recursive: true });
    const file = path.join(FOUND, `case-${number}.json`);
    fs.writeFileSync(file, `${JSON.stringify({ ...small, stage, wrong }, null, 2)}\n`);
    console.log(`${path.relative(at(), file)}  ${small.fixture}  ${stage}: ${wrong.split('\n', 2).join(' ')}`);
  }
  const cases = number - Number(seed);
  console.log(
    [...outcomes]
      .sort((a, b) => b[1] - a[1])
      .map(([name, count]) => `${String(count).padStart(6)} ${name}`)
      .join('\n'),
  );
  console.log(`${cases} cases, ${failures} failures of ${known.size} kinds; go on with --seed ${number}`);
  return failures;
}

if (isMain(import.meta.url)) await main();
