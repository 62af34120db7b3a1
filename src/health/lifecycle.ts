import { Injectable } from '@nestjs/common';

/** Whether the process is on its way out. */
@Injectable()
export class Lifecycle {
  private ending = false;

  get stopping(): boolean {
    return this.ending;
  }

  /** From now on readiness says no, so that no new traffic is sent here. */
  beginStop(): void {
    this.ending = true;
  }
}
