import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditedChanges, type Made } from '../audited-changes.service.js';
import type { Change } from '../change.js';
import { OperatorDirectory } from './operator-directory.service.js';

/** Changes who may administer, and knows of it here before it is answered; other processes are told when it is committed. */
@Injectable()
export class AdministrationChanges {
  constructor(
    private readonly changes: AuditedChanges,
    private readonly directory: OperatorDirectory,
  ) {}

  /** Like `AuditedChanges.runWithoutZone`. All such changes of the installation take turns. */
  run<T>(change: Change, make: (tx: EntityManager) => Promise<Made<T>>): Promise<T>;
  run<T>(change: Change, make: (tx: EntityManager) => Promise<Made<T> | null>): Promise<T | null>;
  async run<T>(
    change: Change,
    make: (tx: EntityManager) => Promise<Made<T> | null>,
  ): Promise<T | null> {
    const made = await this.changes.runWithoutZone(change, make);
    await this.changes.whenCommitted(change, () => this.directory.readAgain());
    return made;
  }
}
