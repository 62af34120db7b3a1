import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that went through a {@link Recorder}, and what it was answered. */
export interface RecordedCall {
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  readonly status: number;
}

/** An address of a server at which everything that is asked is noted. */
export interface Recorder {
  readonly url: string;
  /** What was asked since the last time, in the order of the answers. */
  take(): RecordedCall[];
  close(): Promise<void>;
}

/** Passes every request on to a server, and its answer back, as they are. @param target the origin of the server */
export async function startRecorder(target: string): Promise<Recorder> {
  const { hostname, port } = new URL(target);
  const calls: RecordedCall[] = [];
  const server = createServer((asked, answer) => {
    const { method = '', url = '', headers } = asked;
    const passed = request({ hostname, port, method, path: url, headers }, (answered) => {
      const status = answered.statusCode ?? 0;
      calls.push({ method, path: url.replace(/\?.*/s, ''), status });
      answer.writeHead(status, answered.headers);
      answered.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    asked.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    take: () => calls.splice(0),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
