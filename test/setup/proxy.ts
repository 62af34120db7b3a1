import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** An address for PostgreSQL that stays the same while the server behind it comes and goes. */
export interface Proxy {
  /** The URL of a server, with the address of the proxy in it. */
  readonly urlFor: (serverUrl: string) => string;
  /** Forwards to another server from now on; to none, connections are cut as soon as they are made. */
  readonly forwardTo: (serverUrl: string | null) => void;
  /**
   * Cuts the connection on which bytes with all of these texts are sent next, once.
   *
   * @param when `sent`: before the server gets them; `answered`: when it has answered, and of the answer nothing
   *   gets through; a function: when it has got them, and what the function waits for has happened
   * @returns when it is cut
   */
  readonly cut: (texts: readonly string[], when: CutMoment) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** A moment in the life of a statement. */
export type CutMoment = 'sent' | 'answered' | (() => Promise<unknown>);

interface Trap {
  readonly texts: readonly string[];
  readonly when: CutMoment;
  readonly sprung: () => void;
}

/** Starts a proxy that forwards to nothing yet. */
export async function startProxy(): Promise<Proxy> {
  let target: number | null = null;
  let trap: Trap | null = null;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    if (target === null) {
      socket.on('error', () => {}).resetAndDestroy();
      return;
    }
    const upstream = connect(target, '127.0.0.1');
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    const cut = (sprung: () => void): void => {
      socket.destroy();
      upstream.destroy();
      sprung();
    };
    let answerOf: Trap | null = null;
    socket.on('data', (bytes: Buffer) => {
      const sprung =
        trap !== null && trap.texts.every((text) => bytes.includes(text)) ? trap : null;
      if (sprung !== null) trap = null;
      if (sprung?.when === 'sent') {
        cut(sprung.sprung);
        return;
      }
      if (sprung?.when === 'answered') answerOf = sprung;
      if (!upstream.write(bytes)) socket.pause();
      if (typeof sprung?.when === 'function') void sprung.when().then(() => cut(sprung.sprung));
    });
    upstream.on('drain', () => socket.resume());
    upstream.on('data', (bytes: Buffer) => {
      if (answerOf !== null) cut(answerOf.sprung);
      else if (!socket.write(bytes)) upstream.pause();
    });
    socket.on('drain', () => upstream.resume());
    socket.on('end', () => upstream.end());
    upstream.on('end', () => socket.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    urlFor(serverUrl) {
      const url = new URL(serverUrl);
      url.port = String(port);
      return url.href;
    },
    forwardTo(serverUrl) {
      target = serverUrl === null ? null : Number(new URL(serverUrl).port);
    },
    cut: (texts, when) => new Promise((sprung) => (trap = { texts, when, sprung })),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
