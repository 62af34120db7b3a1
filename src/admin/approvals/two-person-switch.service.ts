import { Injectable } from '@nestjs/common';
import { AuditedChanges } from '../audited-changes.service.js';
import type { Change } from '../change.js';

/** Turns the two-person rule off without a second person, for whoever has the environment of the service. */
@Injectable()
export class TwoPersonSwitch {
  constructor(private readonly changes: AuditedChanges) {}

  /** Turns it off; if it is off, nothing happens. @returns whether it was on */
  async turnOff(change: Change): Promise<boolean> {
    const turned = await this.changes.runWithoutZone(change, async (tx) => {
      const [row] = await tx.query<{ on: boolean }[]>(
        'SELECT two_person_rule AS on FROM administration FOR UPDATE',
      );
      if (row?.on !== true) return null;
      await tx.query('UPDATE administration SET two_person_rule = false');
      return { result: true, details: { before: true, after: false } };
    });
    return turned !== null;
  }
}
