import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** An address for PostgreSQL that stays the same while the server behind it comes and goes, or is far away. */
export interface Proxy {
  /** The URL of a server, with the address of the proxy in it. */
  readonly urlFor: (serverUrl: string) => string;
  /** Forwards to another server from now on; to none, connections are cut as soon as they are made. */
  readonly forwardTo: (serverUrl: string | null) => void;
  /** Answers what is said on new connections by these bytes, or never; `null` forwards it again. */
  readonly answer: (bytes: Buffer | 'silence' | null) => void;
  /** Delays everything in either direction, on connections that there are as well. A round trip takes twice that. */
  readonly delayBy: (ms: number) => void;
  /**
   * Holds everything back, in either direction, until it is to go on: as a machine that stands still, or a network that
   * loses all packets. New connections are made, and nothing is said on them.
   */
  readonly hold: (held: boolean) => void;
  /** Cuts the connection on which this text is sent to the server next, once. */
  readonly cutAt: (text: string) => void;
  /**
   * Cuts the connection on which bytes with all of these texts are sent next, once.
   *
   * @param when `sent`: before the server gets them; `answered`: when it has answered, and of the answer nothing
   *   gets through; a function: when it has got them, and what the function waits for has happened
   * @returns when it is cut
   */
  readonly cutWhen: (when: CutMoment, texts: readonly string[]) => Promise<void>;
  /** Cuts all connections. */
  readonly cut: () => void;
  /** How many connections were made. */
  readonly made: () => number;
  /** How many bytes the server has sent. */
  readonly sent: () => number;
  readonly close: () => Promise<void>;
}

/** A moment in the life of a statement. */
export type CutMoment = 'sent' | 'answered' | (() => Promise<unknown>);

interface Trap {
  readonly when: CutMoment;
  readonly texts: readonly string[];
  readonly sprung: () => void;
}

async function cutAfter(
  socket: Socket,
  moment: () => Promise<unknown>,
  sprung: () => void,
): Promise<void> {
  await moment();
  socket.resetAndDestroy();
  sprung();
}

/** Starts a proxy that forwards to nothing yet. */
export async function startProxy(): Promise<Proxy> {
  let target: number | null = null;
  let said: Buffer | 'silence' | null = null;
  let delay = 0;
  let held = false;
  let fatal: string | null = null;
  let made = 0;
  let sent = 0;
  let trap: Trap | null = null;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    if (held) socket.pause();
  };
  const forward = (from: Socket, to: Socket, isFatal: (chunk: Buffer) => boolean): void => {
    from.on('close', () => setTimeout(() => to.destroy(), delay));
    from.on('data', (chunk: Buffer) => {
      if (isFatal(chunk)) {
        from.resetAndDestroy();
        return;
      }
      if (delay === 0) to.write(chunk);
      else setTimeout(() => to.write(chunk), delay);
    });
  };
  const server = createServer((socket) => {
    made += 1;
    keep(socket);
    if (said !== null) {
      const bytes = said;
      socket.once('data', () => {
        if (bytes !== 'silence') socket.end(bytes);
      });
      return;
    }
    if (target === null) {
      socket.resetAndDestroy();
      return;
    }
    const upstream = connect(target, '127.0.0.1');
    keep(upstream);
    let answered: Trap | null = null;
    forward(socket, upstream, (chunk) => {
      if (fatal !== null && chunk.includes(fatal)) {
        fatal = null;
        return true;
      }
      const sprung = trap?.texts.every((text) => chunk.includes(text)) === true ? trap : null;
      if (sprung === null) return false;
      trap = null;
      if (sprung.when === 'answered') answered = sprung;
      if (typeof sprung.when === 'function') {
        void cutAfter(socket, sprung.when, sprung.sprung);
      }
      if (sprung.when === 'sent') sprung.sprung();
      return sprung.when === 'sent';
    });
    forward(upstream, socket, (chunk) => {
      sent += chunk.length;
      answered?.sprung();
      return answered !== null;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    urlFor(serverUrl) {
      const url = new URL(serverUrl);
      url.port = String(port);
      return url.href;
    },
    forwardTo(serverUrl) {
      target = serverUrl === null ? null : Number(new URL(serverUrl).port);
    },
    answer: (bytes) => (said = bytes),
    delayBy: (ms) => (delay = ms),
    hold(hold) {
      held = hold;
      for (const socket of sockets) {
        if (held) socket.pause();
        else socket.resume();
      }
    },
    cutAt: (text) => (fatal = text),
    cutWhen: (when, texts) => new Promise((sprung) => (trap = { when, texts, sprung })),
    cut,
    made: () => made,
    sent: () => sent,
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
