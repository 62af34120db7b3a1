import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as it arrived. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for one that begins a trace. */
  readonly parentSpanId: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** 0 unset, 1 ok, 2 error. */
  readonly status: number;
  /** The attributes of what has sent it. */
  readonly resource: Readonly<Record<string, unknown>>;
}

/** A collector of traces, which takes OTLP over HTTP as protobuf. */
export interface OtlpReceiver {
  readonly url: string;
  readonly spans: Span[];
  /** What arrived, as it was. */
  readonly bodies: Buffer[];
  /** The headers of each export. */
  readonly headers: Record<string, unknown>[];
  /** What is answered; 200 unless it is set. */
  status: number;
  close(): Promise<void>;
}

/** Starts a collector on a free port of this machine. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: Span[] = [];
  const bodies: Buffer[] = [];
  const headers: Record<string, unknown>[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      if (request.url === '/v1/traces' && receiver.status === 200) {
        bodies.push(body);
        headers.push({ ...request.headers });
        spans.push(...spansIn(body));
      }
      response.writeHead(receiver.status, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const receiver: OtlpReceiver = {
    url: `http://127.0.0.1:${port}`,
    spans,
    bodies,
    headers,
    status: 200,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return receiver;
}

type Value = Buffer | bigint;

/** The fields of a protobuf message by their number, in order. */
function fieldsOf(message: Buffer): Map<number, Value[]> {
  const fields = new Map<number, Value[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at];
      if (byte === undefined) throw new Error('the message ends too early');
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const bytes = (length: number): Buffer => {
    at += length;
    if (at > message.length) throw new Error('the message ends too early');
    return message.subarray(at - length, at);
  };
  const read = (wireType: number): Value => {
    if (wireType === 0) return varint();
    if (wireType === 1) return bytes(8).readBigUInt64LE();
    if (wireType === 2) return bytes(Number(varint()));
    if (wireType === 5) return BigInt(bytes(4).readUInt32LE());
    throw new Error(`no such wire type: ${wireType}`);
  };
  while (at < message.length) {
    const tag = Number(varint());
    const number = tag >> 3;
    fields.set(number, [...(fields.get(number) ?? []), read(tag & 7)]);
  }
  return fields;
}

const messages = (fields: Map<number, Value[]>, number: number): Buffer[] =>
  (fields.get(number) ?? []).filter((value): value is Buffer => Buffer.isBuffer(value));
const buffer = (fields: Map<number, Value[]>, number: number): Buffer =>
  messages(fields, number)[0] ?? Buffer.alloc(0);
const integer = (fields: Map<number, Value[]>, number: number): bigint => {
  const [value = 0n] = fields.get(number) ?? [];
  return Buffer.isBuffer(value) ? 0n : value;
};

/** The spans of an ExportTraceServiceRequest (opentelemetry-proto, trace/v1/trace.proto). */
function spansIn(body: Buffer): Span[] {
  return messages(fieldsOf(body), 1).flatMap((resourceSpans) => {
    const ofResource = fieldsOf(resourceSpans);
    const resource = attributesIn(messages(fieldsOf(buffer(ofResource, 1)), 1));
    return messages(ofResource, 2)
      .flatMap((scopeSpans) => messages(fieldsOf(scopeSpans), 2))
      .map((span) => spanOf(fieldsOf(span), resource));
  });
}

function spanOf(fields: Map<number, Value[]>, resource: Span['resource']): Span {
  return {
    traceId: buffer(fields, 1).toString('hex'),
    spanId: buffer(fields, 2).toString('hex'),
    parentSpanId: buffer(fields, 4).toString('hex'),
    name: buffer(fields, 5).toString(),
    kind: Number(integer(fields, 6)),
    attributes: attributesIn(messages(fields, 9)),
    status: Number(integer(fieldsOf(buffer(fields, 15)), 3)),
    resource,
  };
}

function attributesIn(pairs: readonly Buffer[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const fields = fieldsOf(pair);
      return [buffer(fields, 1).toString(), valueOf(buffer(fields, 2))];
    }),
  );
}

function valueOf(message: Buffer): unknown {
  const fields = fieldsOf(message);
  if (fields.has(1)) return buffer(fields, 1).toString();
  if (fields.has(3)) return Number(integer(fields, 3));
  if (fields.has(5)) return messages(fieldsOf(buffer(fields, 5)), 1).map(valueOf);
  return null;
}
