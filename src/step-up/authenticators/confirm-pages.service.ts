import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import type { Challenge } from '../challenge.entity.js';
import { confirmationMethodsFor } from '../decision-methods.js';
import { confirmPage, laterPage, proofForm, unshownPage } from './confirm-page.js';
import type { Problem } from './confirm-outcomes.js';
import { html, type Html } from './html.js';
import type { Page } from './page.js';
import { recoveryCode } from './recovery-code/recovery-code.js';
import { codesLeft } from './recovery-code/recovery-code-forms.js';
import { RecoveryCodes } from './recovery-code/recovery-codes.service.js';
import { receiptForm } from './receipt-form.js';
import { RequestWordsReader } from './request-words.service.js';
import { ShownCodes, type ShownCode } from './shown-codes.service.js';
import type { Texts } from './texts/en.js';

/** Makes the pages on which a challenge is confirmed. */
@Injectable()
export class ConfirmPages {
  constructor(
    private readonly words: RequestWordsReader,
    private readonly codes: ShownCodes,
    private readonly recovery: RecoveryCodes,
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** The page that does not show the request yet, and says nothing about it. */
  unshown(challenge: Challenge, problem: Problem | null, texts: Texts): Page {
    return unshownPage({
      texts,
      forms: this.formsOf(challenge, null, problem, texts),
      passkeys: hasScripts(challenge),
      problem: problem?.text(texts) ?? null,
      minutesLeft: this.minutesLeft(challenge),
    });
  }

  /** The page that shows the request to a person who has brought the secret of the link. */
  async linked(
    challenge: Challenge,
    link: string,
    problem: Problem | null,
    texts: Texts,
  ): Promise<Page> {
    const code = await this.codes.codeFor(challenge);
    const forms = this.formsOf(challenge, link, problem, texts, code);
    return this.shown(challenge, link, forms, problem, texts);
  }

  /** The page that shows the request to the person who has shown a code or a passkey. */
  proved(challenge: Challenge, proof: string, texts: Texts): Promise<Page> {
    return this.shown(challenge, null, [proofForm(proof, texts)], null, texts);
  }

  /** The page of a person with the link who does not decide now. */
  async later(challenge: Challenge, link: string, texts: Texts): Promise<Page> {
    const { organisation, logo } = await this.words.letterhead(challenge.zoneId);
    return { ...laterPage(link, organisation, this.minutesLeft(challenge), texts), logo };
  }

  /**
   * A page for somebody who may know whose it is.
   *
   * @param method what was confirmed or refused with, if anything: of recovery codes it says how many are left
   * @param link with which a receipt can be had of what was decided
   */
  async signed(
    challenge: Challenge,
    page: Page,
    method: string | null,
    link: string | null,
    texts: Texts,
  ): Promise<Page> {
    const { zoneId, subject, subjectIssuer: issuer } = challenge;
    const main = link === null ? page.main : html`${page.main} ${receiptForm(link, texts)}`;
    const signed = { ...page, main, ...(await this.words.letterhead(zoneId)) };
    if (method !== recoveryCode.name) return signed;
    const left = (await this.recovery.left(zoneId, { subject, issuer })) ?? 0;
    return { ...signed, main: html`${main} ${codesLeft(left, texts)}` };
  }

  private async shown(
    challenge: Challenge,
    link: string | null,
    forms: readonly Html[],
    problem: Problem | null,
    texts: Texts,
  ): Promise<Page> {
    return confirmPage({
      texts,
      request: challenge.request,
      words: await this.words.wordsFor(challenge),
      link,
      forms,
      passkeys: hasScripts(challenge),
      problem: problem?.text(texts) ?? null,
      minutesLeft: this.minutesLeft(challenge),
    });
  }

  private formsOf(
    challenge: Challenge,
    link: string | null,
    problem: Problem | null,
    texts: Texts,
    shownCode: ShownCode | null = null,
  ): readonly Html[] {
    const about = { texts, challenge, env: this.env, link, shownCode };
    const methods = confirmationMethodsFor(challenge.terms);
    return methods.map((method, i) =>
      method.confirmForm({
        ...about,
        failed: problem?.method === method.name,
        followed: i < methods.length - 1,
      }),
    );
  }

  private minutesLeft({ expiresAt }: Challenge): number {
    return Math.max(1, Math.ceil((expiresAt.getTime() - this.clock.now()) / 60_000));
  }
}

function hasScripts({ terms }: Challenge): boolean {
  return confirmationMethodsFor(terms).some(({ scripted }) => scripted);
}
