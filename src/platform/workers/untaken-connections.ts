import type { ChildProcess } from 'node:child_process';

interface Handle {
  close(): void;
}

/**
 * Closes the connections that were on their way to a worker when it died. `node:cluster` forgets them: nobody has them
 * any more, and their callers would wait until they give up. It shows them to nobody either, so this looks at the
 * messages by which they are handed over (`lib/internal/cluster/round_robin_handle.js`): each is acknowledged by its
 * number. If another version of Node.js has other messages, nothing is closed here.
 */
export function closeUntakenConnections(worker: ChildProcess): void {
  const untaken = new Map<unknown, Handle>();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- called with what it would have been called with
  const send = worker.send.bind(worker) as (...args: unknown[]) => boolean;
  const watched = (...args: unknown[]): boolean => {
    const [message, handle] = args;
    if (member(message, 'act') === 'newconn' && isHandle(handle)) {
      untaken.set(member(message, 'seq'), handle);
    }
    return send(...args);
  };
  Object.assign(worker, { send: watched });
  worker.on('internalMessage', (message: unknown) => {
    untaken.delete(member(message, 'ack'));
  });
  worker.once('exit', () => {
    for (const handle of untaken.values()) handle.close();
  });
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function isHandle(value: unknown): value is Handle {
  return typeof member(value, 'close') === 'function';
}
