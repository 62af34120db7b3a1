// The process that puts load on a server, told what to do by the one that measures (load-process.ts).
import { runClosedLoop, type ClosedLoop } from './closed-loop.js';
import { runOpenLoop, type OpenLoop } from './open-loop.js';

/** What the generator may be told. Requests come before the run that needs them, so that the clock does not see it. */
export type Command =
  | { readonly do: 'take'; readonly requests: readonly Buffer[] }
  | { readonly do: 'closed'; readonly loop: Omit<ClosedLoop, 'requests'> }
  | { readonly do: 'open'; readonly loop: Omit<OpenLoop, 'request'> };

let requests: readonly Buffer[] = [];

async function obey(command: Command): Promise<unknown> {
  if (command.do === 'take') {
    requests = command.requests.map((bytes) => Buffer.from(bytes));
    return null;
  }
  if (command.do === 'closed') return runClosedLoop({ ...command.loop, requests });
  const [request] = requests;
  if (request === undefined) throw new Error('there is nothing to send');
  return runOpenLoop({ ...command.loop, request });
}

process.on('message', (command: Command) => {
  obey(command).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
