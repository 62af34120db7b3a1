import { Injectable } from '@nestjs/common';
import type { Challenge } from '../challenge.entity.js';

/** What the app of a person would show, who has none. */
export interface ShownCode {
  /** `null` as long as the codes of now have been used. */
  readonly code: string | null;
}

/** Tells the code of a person who has no app. @returns `null` for everybody else */
export type CodeSource = (challenge: Challenge) => Promise<ShownCode | null>;

/**
 * Codes that the confirmation page shows to whoever has its link: those of the person of the demo, who has no app. Nobody
 * tells any but the demo, which is there in embedded mode only.
 */
@Injectable()
export class ShownCodes {
  private source: CodeSource | null = null;

  /** Has codes shown from now on. */
  showFrom(source: CodeSource): void {
    this.source = source;
  }

  /** The code to show with a challenge; `null` if there is none to be shown, which is so but for the demo. */
  async codeFor(challenge: Challenge): Promise<ShownCode | null> {
    return this.source === null ? null : this.source(challenge);
  }
}
