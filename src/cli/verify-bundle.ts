import { readBundleFile } from '../audit/verify/bundle-file.js';
import { NoBundle } from '../audit/verify/bundle-lines.js';
import { BundleVerifier, type BundleSummary } from '../audit/verify/bundle-verifier.js';
import type { KeptCheckpoint } from '../audit/verify/kept-checkpoint.js';
import { FoundFaults } from './found-faults.js';
import { EXIT, type CommandResult } from './command-result.js';
import { readCheckpointFile, unreadable } from './read-checkpoint-file.js';
import { readVkey } from './read-vkey.js';
import type { VerifyingPorts } from './verify-audit.js';

/** What `audit verify --bundle` is given. */
export interface BundleQuestion {
  readonly bundle: string;
  /** Public keys: `name+id+base64` (C2SP signed-note). */
  readonly keys: readonly string[];
  /** Files with checkpoints that were kept elsewhere. */
  readonly checkpoints: readonly string[];
}

/**
 * `mandate audit verify --bundle`: verifies a bundle with public keys alone, and prints each fault when it is found. Nothing is
 * asked and nothing else is read.
 *
 * @throws {CommandFailure} if something of what is said cannot be used
 */
export async function verifyBundle(
  { bundle, keys, checkpoints }: BundleQuestion,
  json: boolean,
  { print, progress }: VerifyingPorts,
): Promise<CommandResult> {
  const trusted = { keys: keys.map(readVkey), kept: [] as KeptCheckpoint[] };
  for (const path of checkpoints)
    trusted.kept.push(...(await readCheckpointFile(path, trusted.keys)));
  const found = new FoundFaults(json, print);
  const verifier = new BundleVerifier(trusted, found.add);
  let summary: BundleSummary | null = null;
  try {
    for await (const line of readBundleFile(bundle)) {
      verifier.line(line);
      await found.tell();
      progress(() => `${verifier.seen} events so far`);
    }
    summary = verifier.end();
  } catch (error) {
    if (!(error instanceof NoBundle)) throw unreadable(bundle, error);
    const none = { zone: null, writer: null, seq: null, lastSeq: null, id: null };
    found.add({ kind: 'form', ...none, why: `${bundle}: ${error.message}` });
  }
  await found.tell();
  const { count: faults } = found;
  if (json) await print(JSON.stringify({ ...(summary ?? { events: verifier.seen }), faults }));
  return {
    code: faults === 0 ? EXIT.done : EXIT.wrong,
    lines: [summaryOf(summary, found.summary)],
  };
}

function summaryOf(summary: BundleSummary | null, how: string): string {
  if (summary === null) return `it was not read to its end: ${how}`;
  const { zone, events, checkpoints, until } = summary;
  const sealed = until === null ? '' : `, sealed until ${until} by ${checkpoints} checkpoints`;
  return `${events} events of zone ${zone}${sealed}: ${how}`;
}
