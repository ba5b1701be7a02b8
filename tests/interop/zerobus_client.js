// The official Zerobus SDK for Node: a PROTO and a JSON stream, single rows and batches, flush and close.
// usage: node zerobus_client.js INFO.json ROWS.json      (what the emulator printed; descriptor and rows, base64)
const { ZerobusSdk, RecordType } = require('@databricks/zerobus-ingest-sdk-linux-x64-gnu');
const fs = require('fs');

const info = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const rows = JSON.parse(fs.readFileSync(process.argv[3], 'utf8'));
const [id, secret] = ['sfcdc-emulator-principal', 'sfcdc-emulator-principal-secret'];

const options = (recordType) => ({
  recordType, recovery: true, recoveryRetries: 2, recoveryBackoffMs: 200, recoveryTimeoutMs: 5000,
  serverLackOfAckTimeoutMs: 10000, flushTimeoutMs: 10000, maxInflightRequests: 1000,
});

async function stream(sdk, table, recordType, records) {
  const s = await sdk.createStream(table, id, secret, options(recordType));
  await s.ingestRecordOffset(records[0]);
  await s.ingestRecordsOffset(records.slice(1, 4));
  await s.flush();
  for (const record of records.slice(4)) await s.ingestRecordOffset(record);
  await s.flush();
  await s.close();
}

(async () => {
  const host = info.tls ? info.zerobus_endpoint.replace('127.0.0.1', 'localhost') : info.zerobus_endpoint;
  const sdk = new ZerobusSdk((info.tls ? 'https://' : 'http://') + host, info.databricks_url);
  await stream(sdk, { tableName: 'main.interop.node_proto', descriptorProto: rows.descriptor }, RecordType.Proto,
    rows.proto.map((row) => Buffer.from(row, 'base64')));
  await stream(sdk, { tableName: 'main.interop.node_json' }, RecordType.Json, rows.json);
  process.exit(0);
})().catch((e) => { console.error(e); process.exit(1); });
