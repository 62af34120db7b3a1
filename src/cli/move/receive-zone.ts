import { createReadStream } from 'node:fs';
import { formatReceivingKey } from '../../admin/zone-moves/receiving-key.js';
import type { ReceivingKeys } from '../../admin/zone-moves/receiving-keys.service.js';
import type { ZoneReceiver } from '../../admin/zone-moves/zone-receiver.service.js';
import type { ReceiveZoneCommand } from '../direct-command.js';
import { CommandFailure } from '../failure.js';
import { EXIT, type CommandResult } from '../command-result.js';
import { readVkey } from '../read-vkey.js';
import { sayingWhy } from './saying-why.js';
import { readNoteFile, writingWhole } from './whole-file.js';

type Step<Is extends ReceiveZoneCommand['step']['is']> = Extract<
  ReceiveZoneCommand['step'],
  { readonly is: Is }
>;

/** `zones receive`: one step of receiving a zone from another installation. */
export async function receiveZone(
  receiver: Pick<ZoneReceiver, 'receive' | 'receipt' | 'begin' | 'discard'>,
  keys: Pick<ReceivingKeys, 'draw'>,
  { step }: Pick<ReceiveZoneCommand, 'step'>,
): Promise<CommandResult> {
  return sayingWhy(() => take(receiver, keys, step));
}

function take(
  receiver: Pick<ZoneReceiver, 'receive' | 'receipt' | 'begin' | 'discard'>,
  keys: Pick<ReceivingKeys, 'draw'>,
  step: ReceiveZoneCommand['step'],
): Promise<CommandResult> {
  if (step.is === 'key') return drawKey(keys, step);
  if (step.is === 'file') return receiveFile(receiver, step);
  if (step.is === 'receipt') return writeReceipt(receiver, step);
  if (step.is === 'release') return begin(receiver, step);
  return discard(receiver, step);
}

async function discard(
  receiver: Pick<ZoneReceiver, 'discard'>,
  { zone }: Step<'discard'>,
): Promise<CommandResult> {
  const { zoneId } = await receiver.discard(zone);
  return done({ zone_id: zoneId }, [
    'what was received of the zone is forgotten',
    'its receipt must not be used any more: there, mandate zones send --cancel',
  ]);
}

async function drawKey(
  keys: Pick<ReceivingKeys, 'draw'>,
  { hours }: Step<'key'>,
): Promise<CommandResult> {
  const key = await keys.draw(hours);
  const text = formatReceivingKey(key);
  return done({ key: text, expires_at: key.expiresAt }, [text]);
}

async function receiveFile(
  receiver: Pick<ZoneReceiver, 'receive'>,
  { file, vkey, output }: Step<'file'>,
): Promise<CommandResult> {
  readVkey(vkey);
  const received = await writingWhole(output, async (write) => {
    const result = await receiver.receive(bytesOf(file), vkey);
    await write(Buffer.from(result.receipt));
    return result;
  });
  const { zoneId, name, rows, events } = received;
  return done({ zone_id: zoneId, rows, events }, [
    `${name} is here, and not served yet: ${rows} rows, ${events} events of its log verified`,
    `there: mandate zones send ${name} --done ${output} -o RELEASE`,
    'then here: mandate zones receive --release RELEASE',
  ]);
}

async function writeReceipt(
  receiver: Pick<ZoneReceiver, 'receipt'>,
  { zone, output }: Step<'receipt'>,
): Promise<CommandResult> {
  const zoneId = await writingWhole(output, async (write) => {
    const result = await receiver.receipt(zone);
    await write(Buffer.from(result.receipt));
    return result.zoneId;
  });
  return done({ zone_id: zoneId }, [`the receipt is in ${output}`]);
}

async function begin(
  receiver: Pick<ZoneReceiver, 'begin'>,
  { release, vkeys }: Step<'release'>,
): Promise<CommandResult> {
  const note = await readNoteFile(release);
  // Which zone it is of is on its second line: whether that is so, its signature tells.
  const [, zone = ''] = note.split('\n');
  const { zoneId } = await receiver.begin(zone, note, vkeys);
  return done({ zone_id: zoneId }, ['the zone is served here']);
}

async function* bytesOf(path: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path) as AsyncIterable<Buffer>;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CommandFailure(EXIT.usage, `${path} cannot be read: ${why}`);
  }
}

function done(json: object, lines: readonly string[]): CommandResult {
  return { code: EXIT.done, lines, json };
}
