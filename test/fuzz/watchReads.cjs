// Loaded before the engine: says on stderr when a file is opened that lies neither in the engine's folder nor in the model's,
// and when anybody is called by network.
const dns = require('node:dns');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');

const roots = process.env.MODEL_SLICER_FUZZ_ROOTS.split(path.delimiter);
const isInside = (file) => roots.some((root) => file === root || file.startsWith(root + path.sep));

function watched(holder, name) {
  const original = holder[name];
  holder[name] = function (file, ...rest) {
    if (typeof file === 'string' || file instanceof URL || Buffer.isBuffer(file)) {
      const full = path.resolve(String(file instanceof URL ? file.pathname : file));
      let real = full;
      try {
        real = fs.realpathSync.native(full);
      } catch {
        // not there
      }
      if (!isInside(real)) process.stderr.write(`outside: ${real}\n`);
    }
    return original.call(this, file, ...rest);
  };
}

for (const name of ['open', 'openSync', 'readFile', 'readFileSync', 'createReadStream', 'readdir', 'readdirSync'])
  watched(fs, name);
for (const name of ['open', 'readFile', 'readdir', 'opendir']) watched(fs.promises, name);

for (const [holder, name] of [
  [net.Socket.prototype, 'connect'],
  [dns, 'lookup'],
  [dns.promises, 'lookup'],
]) {
  const original = holder[name];
  holder[name] = function (...args) {
    process.stderr.write(`outside: ${name} ${JSON.stringify(args[0])}\n`);
    return original.apply(this, args);
  };
}
