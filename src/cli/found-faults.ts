import { faultJson, faultLine, type Fault } from '../audit/verify/fault.js';

/** The faults that a verifier finds, which are printed when they are found: nobody remembers them all. */
export class FoundFaults {
  private readonly untold: Fault[] = [];
  private told = 0;

  /**
   * @param json as JSON, a line for each, for programs; otherwise for people
   * @param print waits until what it prints is out of this process
   */
  constructor(
    private readonly json: boolean,
    private readonly print: (...lines: readonly string[]) => Promise<void>,
  ) {}

  /** How many there are. */
  get count(): number {
    return this.told + this.untold.length;
  }

  /** In words. */
  get summary(): string {
    if (this.count === 0) return 'nothing is wrong';
    return this.count === 1 ? '1 fault' : `${this.count} faults`;
  }

  readonly add = (fault: Fault): void => {
    this.untold.push(fault);
  };

  /** Prints those that were found since. */
  async tell(): Promise<void> {
    if (this.untold.length === 0) return;
    const some = this.untold.splice(0);
    this.told += some.length;
    await this.print(
      ...some.map((one) => (this.json ? JSON.stringify(faultJson(one)) : faultLine(one))),
    );
  }
}
