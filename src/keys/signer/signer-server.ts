import { chmod, rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import {
  lineSplitter,
  readRequest,
  type SignerAnswer,
  type SignerRequest,
} from '../signing/signer-protocol.js';
import { SignerRefusal, type KeyStore } from './key-store.js';

/** A signer that listens. */
export interface RunningSigner {
  /** Stops listening, and cuts all connections. */
  close(): Promise<void>;
}

/** The most requests in progress on one connection; beyond that it is not read. */
const MAX_UNDER_WAY = 64;

/**
 * Starts a signer on a Unix socket. Its file mode (0600) is the only access control, so it belongs into a
 * directory of the service's user.
 *
 * @param log receives failures, without anything of keys or of what is signed
 * @throws if a process listens there already
 */
export async function startSigner(
  path: string,
  keys: KeyStore,
  log: (what: string) => void,
): Promise<RunningSigner> {
  await removeLeftover(path);
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    serve(socket, keys, log);
  });
  // The umask, because the socket is open from the moment that it is created.
  const umask = process.umask(0o177);
  try {
    await listen(server, path);
  } finally {
    process.umask(umask);
  }
  await chmod(path, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of connections) socket.destroy();
      }),
  };
}

function serve(socket: Socket, keys: KeyStore, log: (what: string) => void): void {
  let underWay = 0;
  const reply = async (line: string): Promise<void> => {
    underWay += 1;
    if (underWay >= MAX_UNDER_WAY) socket.pause();
    const response = await answer(line, keys, log);
    underWay -= 1;
    socket.resume();
    if (socket.writable) socket.write(`${JSON.stringify(response)}\n`);
  };
  const split = lineSplitter((line) => void reply(line));
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    try {
      split(chunk);
    } catch {
      socket.end(`${JSON.stringify({ id: null, error: 'bad_request' })}\n`);
    }
  });
}

async function answer(
  line: string,
  keys: KeyStore,
  log: (what: string) => void,
): Promise<SignerAnswer> {
  const request = readRequest(line);
  if (request === null) return { id: null, error: 'bad_request' };
  try {
    return await execute(request, keys);
  } catch (error) {
    if (error instanceof SignerRefusal) return { id: request.id, error: error.word };
    log(`${request.op} failed: ${error instanceof Error ? error.name : 'unknown'}`);
    return { id: request.id, error: 'failed' };
  }
}

async function execute(request: SignerRequest, keys: KeyStore): Promise<SignerAnswer> {
  const { id, zone, alg } = request;
  if (request.op === 'new') {
    const { handle, publicJwk } = await keys.newKey(zone, alg);
    return { id, handle, public_jwk: publicJwk };
  }
  const data = Buffer.from(request.data, 'base64url');
  const signature = await keys.sign({ zone, handle: request.handle, alg }, data);
  return { id, signature: Buffer.from(signature).toString('base64url') };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve());
  });
}

/** Removes the socket of a signer that was killed. @throws if a live one answers there */
async function removeLeftover(path: string): Promise<void> {
  const alive = await new Promise<boolean>((resolve) => {
    const probe = createConnection(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
  if (alive) throw new Error(`a signer listens on ${path} already`);
  await rm(path, { force: true });
}
