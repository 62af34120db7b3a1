import { Injectable } from '@nestjs/common';

/** How far the process is: still starting, up, or shutting down. */
@Injectable()
export class Lifecycle {
  private made = false;
  private ending = false;

  /** Whether something is still to be made that belongs to the start, such as the demo zone. */
  get starting(): boolean {
    return !this.made;
  }

  /** Lets readiness pass from now on: all that the start makes is there. */
  endStart(): void {
    this.made = true;
  }

  /** Whether {@link beginStop} was called. */
  get stopping(): boolean {
    return this.ending;
  }

  /** Makes readiness fail from now on, so that load balancers send no new traffic here. */
  beginStop(): void {
    this.ending = true;
  }
}
