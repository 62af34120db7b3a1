import { Injectable } from '@nestjs/common';

/** Whether the process is shutting down. */
@Injectable()
export class Lifecycle {
  private ending = false;

  /** Whether {@link beginStop} was called. */
  get stopping(): boolean {
    return this.ending;
  }

  /** Makes readiness fail from now on, so that load balancers send no new traffic here. */
  beginStop(): void {
    this.ending = true;
  }
}
