// avsc: type.fromBuffer. Usage: avsc_peer.js DATA_FOLDER (run where node finds avsc)
'use strict';
const fs = require('fs');
const path = require('path');
const avsc = require('avsc');
const { version } = require('avsc/package.json');

function eventsOf(file) {
  const raw = fs.readFileSync(file);
  const out = [];
  for (let at = 0; at < raw.length;) {
    const length = raw.readUInt32LE(at);
    out.push(raw.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return out;
}

let kept; // so that the work is not seen as useless
function onePass(events, type) {
  const start = process.cpuUsage();
  for (const payload of events) kept = type.fromBuffer(payload);
  const { user, system } = process.cpuUsage(start);
  return (user + system) * 1e3;
}

const folder = process.argv[2];
const out = [];
for (const file of fs.readdirSync(folder).filter((f) => /^[^_]+_.*\.bin$/.test(f)).sort()) {
  const schema = JSON.parse(fs.readFileSync(path.join(folder, `schema_${file.split('_')[0]}.json`), 'utf8'));
  const type = avsc.Type.forSchema(schema);
  const events = eventsOf(path.join(folder, file));
  for (const payload of events) { // fromBuffer itself refuses bytes that are left over
    if (!type.fromBuffer(payload).ChangeEventHeader.transactionKey) throw new Error('wrong answer');
  }
  for (let warm = 0; warm < 2e9;) warm += onePass(events, type);
  const turns = Array.from({ length: 15 }, () => onePass(events, type)).sort((a, b) => a - b);
  const ns = turns[7];
  const bytes = events.reduce((sum, e) => sum + e.length, 0);
  out.push({ what: `decode, avsc ${version}`, data: path.basename(file, '.bin'), compiler: `Node ${process.versions.node}`,
    ns_per_event: ns / events.length, gb_per_second: bytes / ns, ratio_to_avro_c: null });
}
console.log(JSON.stringify(out));
