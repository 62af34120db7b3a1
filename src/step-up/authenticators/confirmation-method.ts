import type { RunningEnv } from '../../platform/config/env.js';
import type { SealPurpose } from '../../sealing/seal.js';
import type { Challenge } from '../challenge.entity.js';
import type { Authenticator } from './authenticator.entity.js';
import type { Enrolment } from './enrolment.entity.js';
import type { ShownCode } from './shown-codes.service.js';
import type { Html } from './html.js';
import type { Texts } from './texts/en.js';

/**
 * A method by which the subject of a challenge confirms it on the confirmation page, such as TOTP: how a
 * person registers an authenticator for it, and how what the person then shows is verified.
 *
 * A new one is an object of this kind, listed in `step-up/decision-methods.ts`. The terms of types and the
 * pages take it from there. What operators can register by themselves is `kind` of `AuthenticatorBody`.
 */
export interface ConfirmationMethod<Name extends string = string> {
  /** As in `satisfied_by` of a type, in `kind` of an authenticator, and in the audit log. */
  readonly name: Name;
  /** Whether evidence can be guessed: attempts are limited then. */
  readonly guessable: boolean;
  /** Whether its forms need the script for passkeys. */
  readonly scripted: boolean;

  /** The field of {@link confirmForm} that has the evidence. */
  readonly confirmField: string;
  /**
   * The form with which a person confirms or refuses what is shown (field `decision`: `approved` or `rejected`),
   * or, where it is not shown yet, asks for it to be.
   */
  confirmForm(about: ConfirmFormInput): Html;
  /** What a person reads if the evidence is wrong. */
  confirmProblem(texts: Texts): string;
  /**
   * Verifies evidence for a challenge.
   *
   * @param step what it is to do: evidence that is made for one may not be good for the other
   * @param evidence what the page sent in {@link confirmField}; it may be anything
   * @returns `null` if it is not that of the subject of this challenge
   */
  verify(
    challenge: Challenge,
    step: ConfirmationStep,
    evidence: string,
    ports: ConfirmationPorts,
  ): Promise<Verified | null>;

  /** The field of {@link enrolForm} that has the evidence. */
  readonly enrolField: string;
  /** What a person reads if the evidence of a new authenticator is wrong. */
  enrolProblem(texts: Texts): string;
  /** The form with which a person registers an authenticator. */
  enrolForm(about: EnrolFormInput): Html;
  /**
   * Verifies the evidence of a new authenticator.
   *
   * @param evidence what the page sent in {@link enrolField}; it may be anything
   * @returns what is stored; `null` if the evidence is wrong
   */
  register(
    link: EnrolmentLink,
    evidence: string,
    ports: ConfirmationPorts,
  ): Promise<NewAuthenticator | null>;
}

/** What a person does on the confirmation page: sees what a challenge is about, or decides on what was seen. */
export type ConfirmationStep = 'show' | 'decide';

/** Evidence that is right. */
export interface Verified {
  /** The authenticator that it is of. */
  readonly authenticatorId: string;
  /** How the subject was authenticated (RFC 8176). */
  readonly amr: readonly string[];
  /** Makes sure that the evidence is not right again. @returns `false` if it was used before */
  readonly spend: (tx: Transaction) => Promise<boolean>;
}

/** The transaction in which a decision is stored. */
export interface Transaction {
  query<T>(text: string, values: unknown[]): Promise<T>;
}

/** What methods use of the process. */
export interface ConfirmationPorts {
  readonly env: RunningEnv;
  /** Milliseconds since the epoch. */
  now(): number;
  /** The authenticators of the subject of a challenge, those of one method. */
  authenticatorsOf(challenge: Challenge, method: string): Promise<readonly Authenticator[]>;
  /** Seals the secret of an authenticator. */
  sealSecret(of: AuthenticatorKey, secret: Buffer): Promise<Buffer>;
  /** Opens the secret of an authenticator. */
  openSecret(of: AuthenticatorKey, sealed: Buffer): Promise<Buffer>;
}

/** Names an authenticator, and the method whose secret it has. */
export type AuthenticatorKey = Pick<Authenticator, 'zoneId' | 'id'> & { readonly kind: SecretKind };

/**
 * The methods with secrets, and the purpose that these are sealed for: one for each, so that no secret of one method
 * opens as that of another. Each has its line in `sealing/sealed-columns.ts`.
 */
export const SECRET_PURPOSES = { totp: 'totp-secret' } as const satisfies Record<
  string,
  SealPurpose
>;

/** A method with secrets. */
export type SecretKind = keyof typeof SECRET_PURPOSES;

/** What is stored of a new authenticator beside the person that it is for. */
export type NewAuthenticator = Pick<Authenticator, 'id'> &
  Partial<
    Pick<
      Authenticator,
      | 'recoveryDigests'
      | 'sealedSecret'
      | 'lastStep'
      | 'keyDrawn'
      | 'credentialId'
      | 'publicKey'
      | 'signCount'
    >
  > & {
    /** What the person is shown this once, and nobody stores. */
    readonly codes?: readonly string[];
  };

/** A link that is good for one registration, opened. */
export interface EnrolmentLink {
  /** The secret in the link. */
  readonly token: string;
  readonly enrolment: Enrolment;
  /** The secret that was drawn for the new authenticator: {@link SECRET_BYTES} bytes, which are not in the link. */
  readonly secret: Buffer;
}

/** Bytes of the secret of an authenticator (RFC 4226 4). */
export const SECRET_BYTES = 20;

/** What the form of a method says on the confirmation page. */
export interface ConfirmFormInput {
  readonly texts: Texts;
  readonly challenge: Pick<Challenge, 'id' | 'binding'>;
  readonly env: RunningEnv;
  /** The secret of the link by which the request is shown; `null` where it is not shown yet. */
  readonly link: string | null;
  /** Whether the last attempt was by this method, and failed. */
  readonly failed: boolean;
  /** The code that the page shows itself, since the person has no app (`shown-codes.service.ts`); `null` for all others. */
  readonly shownCode: ShownCode | null;
  /** Whether another form is below this one. */
  readonly followed: boolean;
}

/** What the form of a method says on the enrolment page. */
export interface EnrolFormInput extends EnrolmentLink {
  /** Whose page it is, as authenticators show it; `null` where that was not said. */
  readonly organisation: string | null;
  readonly texts: Texts;
  readonly env: RunningEnv;
  /** Whether the last attempt was by this method, and failed. */
  readonly failed: boolean;
}

/** Runs an `UPDATE … RETURNING`. @returns whether a row was changed */
export async function updatesRow(
  tx: Transaction,
  text: string,
  values: unknown[],
): Promise<boolean> {
  const [rows] = await tx.query<[unknown[], number]>(text, values);
  return rows.length > 0;
}
