import { parseReceivingKey } from '../../admin/zone-moves/receiving-key.js';
import type { ZoneSender } from '../../admin/zone-moves/zone-sender.service.js';
import type { SendZoneCommand } from '../direct-command.js';
import { CommandFailure } from '../failure.js';
import { EXIT, type CommandResult } from '../command-result.js';
import { sayingWhy } from './saying-why.js';
import { readNoteFile, writingWhole } from './whole-file.js';

/** `zones send`: one step of sending a zone to another installation. */
export async function sendZone(
  sender: Pick<ZoneSender, 'send' | 'end' | 'cancel'>,
  { zone, step }: Pick<SendZoneCommand, 'zone' | 'step'>,
): Promise<CommandResult> {
  return sayingWhy(async () => {
    if (step.is === 'cancel') {
      const { zoneId } = await sender.cancel(zone);
      return done({ zone_id: zoneId }, ['the move is given up: the zone is served here again']);
    }
    if (step.is === 'end') return endZone(sender, zone, step);
    const key = parseReceivingKey(step.to);
    if (key === null) {
      throw new CommandFailure(
        EXIT.invalid,
        '--to is no key of mandate zones receive --key',
        'run that where the zone is to go',
      );
    }
    const sent = await writingWhole(step.output, (write) => sender.send(zone, key, write));
    return done({ zone_id: sent.zoneId, rows: sent.rows, sha256: sent.digest, vkey: sent.vkey }, [
      `${sent.name} is not served here any more: ${sent.rows} rows are in ${step.output}`,
      `there: mandate zones receive ${step.output} --from ${sent.vkey} -o RECEIPT`,
      'then here: mandate zones send --done RECEIPT; or, to give it up: --cancel',
    ]);
  });
}

async function endZone(
  sender: Pick<ZoneSender, 'end'>,
  zone: string,
  step: Extract<SendZoneCommand['step'], { readonly is: 'end' }>,
): Promise<CommandResult> {
  const receipt = await readNoteFile(step.receipt);
  const ended = await writingWhole(step.output, async (write) => {
    const result = await sender.end(zone, receipt, step.vkeys);
    await write(Buffer.from(result.release));
    return result;
  });
  const { zoneId, undelivered } = ended;
  return done({ zone_id: zoneId, undelivered }, [
    'the zone has moved: it is ended here for good',
    ...(undelivered === 0 ? [] : [`${undelivered} deliveries to its webhooks were given up`]),
    `there: mandate zones receive --release ${step.output}`,
  ]);
}

function done(json: object, lines: readonly string[]): CommandResult {
  return { code: EXIT.done, lines, json };
}
