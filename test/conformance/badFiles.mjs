/** Malformed files: the error that each must give, and what its sentence must name. */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** What a bad file may take, in ms, whatever it is. */
const PATIENCE = 2000;

/** Extensions whose healthy example (`bad/base`) the product says it does not read yet. */
export async function unreadFormats(cli, fixtures) {
  const base = path.join(fixtures, 'bad', 'base');
  const files = existsSync(base) ? readdirSync(base).filter((name) => /\.(h5|keras)$/.test(name)) : [];
  const unread = new Set();
  for (const name of files) {
    const { json } = await cli.run(['inspect', path.join(base, name), '--json']);
    if (json?.error?.code === 'unsupported') unread.add(path.extname(name));
  }
  return unread;
}

export async function checkBadFile(cli, fixtures, item, unread) {
  const row = { case: item.name, wrong: [], notYet: null, opens: item.kind === 'opens', ms: null };
  const temporary = item.synthesize ? mkdtempSync(path.join(tmpdir(), 'conformance-bad-')) : null;
  try {
    const file = temporary ? synthesize(temporary, item.synthesize) : path.resolve(fixtures, item.open);
    if (!existsSync(file)) return { ...row, notYet: 'the file is not in this folder' };
    if (isOnlyWeightEntry(file))
      return { ...row, notYet: 'the fixture is a lone weight entry instead of the model that its description says' };
    const allowed = [item.kind, ...(item.alternative ? [item.alternative].flat() : [])];
    const seen = await outcome(cli, file, item);
    row.ms = seen.ms;
    const refused = seen.kind !== 'opens' && seen.fault === null;
    if (unread.has(path.extname(file)) && refused)
      return { ...row, notYet: `${path.extname(file)} files are not read yet` };
    if (seen.kind === 'unsupported' && !allowed.includes('unsupported'))
      return { ...row, notYet: seen.text.slice(0, 120) };
    if (!allowed.includes(seen.kind))
      row.wrong.push(`${seen.kind}, expected ${allowed.join(' or ')}: ${seen.text.slice(0, 200)}`);
    else if (seen.kind === item.kind) {
      for (const name of item.names)
        if (!seen.text.includes(name)) row.wrong.push(`the sentence does not name ${name}: ${seen.text.slice(0, 300)}`);
    }
    if (seen.fault) row.wrong.push(seen.fault);
    return row;
  } finally {
    if (temporary) rmSync(temporary, { recursive: true, force: true });
  }
}

/** A slip of the fixtures: one file holds the entry that was taken out of the manifest, not the manifest without it. */
function isOnlyWeightEntry(file) {
  if (!file.endsWith('.json') || statSync(file).size > 200) return false;
  return /^\{"name": "[^"]+", "shape": \[[\d, ]*\], "dtype": "\w+"\}$/.test(readFileSync(file, 'utf8').trim());
}

/** `opens`, or the code of the error, with everything that the user gets to read. */
async function outcome(cli, file, item) {
  const inspected = await cli.run(['inspect', file, '--json'], { timeout: 60_000 });
  const said = (result) => {
    const { json, stderr } = result;
    const texts = [json?.error?.message ?? '', ...(json?.problems ?? []).map(({ message }) => message)];
    return `${texts.join('\n')}\n${stderr}`;
  };
  const fault = faultOf(inspected);
  if (inspected.code !== 0)
    return {
      kind: inspected.json?.error?.code ?? `exit ${inspected.code}`,
      text: said(inspected),
      fault,
      ms: inspected.ms,
    };
  if (item.kind === 'opens') {
    const warned = !item.warning || inspected.json.problems.length + inspected.json.repairs.length > 0;
    const classes = JSON.stringify(inspected.json.layers.map((layer) => layer.class));
    return {
      kind: 'opens',
      text: `${said(inspected)}\n${classes}`,
      fault: fault ?? (warned ? null : `opens without a warning: ${item.warning}`),
      ms: inspected.ms,
    };
  }
  // only reading the weights can show it
  const ran = item.phase === 'weights' ? await cli.run(['run', file, '--json'], { timeout: 60_000 }) : inspected;
  return {
    kind: ran.code === 0 ? 'opens' : (ran.json?.error?.code ?? `exit ${ran.code}`),
    text: said(ran),
    fault: faultOf(ran),
    ms: ran.ms,
  };
}

/** Bad input is exit code 2, one sentence, no stack. */
function faultOf({ code, stderr, json }) {
  if (code !== 0 && code !== 2) return `exit code ${code}: ${stderr.slice(0, 200)}`;
  if (/^\s+at .*:\d+/m.test(stderr)) return 'a stack trace on stderr';
  if (code === 2 && !/^model-slicer: [a-z0-9-]+: .+/m.test(stderr))
    return `no error line on stderr: ${stderr.slice(0, 200)}`;
  if (code === 2 && !json?.error?.code) return 'no error in the JSON';
  return null;
}

function synthesize(folder, { file, before, open, middle, close, times, after }) {
  const target = path.join(folder, file);
  writeFileSync(target, before + open.repeat(times) + middle + close.repeat(times) + after);
  return target;
}

/**
 * Files that took more than 2 s until their error was there, or more than three times what those take that open: on a busy
 * machine everything is slow.
 * @returns lines to print; the first one says how long files take that open.
 */
export function slowFiles(rows) {
  const timed = rows.filter(({ ms }) => ms !== null);
  const good = timed
    .filter(({ opens }) => opens)
    .map(({ ms }) => ms)
    .sort((a, b) => a - b);
  const usual = good[Math.floor(good.length / 2)];
  if (usual === undefined) return [];
  const slow = timed.filter(({ ms }) => ms > PATIENCE || ms > 3 * usual).sort((a, b) => b.ms - a.ms);
  const late = timed.filter(({ ms }) => ms > PATIENCE).length;
  const worst = Math.max(...timed.map(({ ms }) => ms));
  return [
    `Bad files: ${(usual / 1000).toFixed(2)} s for those that open (median), ${(worst / 1000).toFixed(2)} s at most, ${late} over ${PATIENCE / 1000} s`,
    ...slow.map(
      ({ case: name, ms }) => `  ${name}: ${(ms / 1000).toFixed(2)} s, ${(ms / usual).toFixed(1)} times as long`,
    ),
  ];
}
