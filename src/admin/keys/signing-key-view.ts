import { instant } from '../../platform/config/clock.js';
import { keyState, type KeyState } from '../../keys/rotation/key-schedule.js';
import type { ScheduledKey } from '../../keys/rotation/rotation.js';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import type { Zone } from '../../zones/zone.entity.js';

/** A signing key of a zone: a pure function of its moments, and the time. */
export interface SigningKeyView {
  /** Its RFC 7638 thumbprint. */
  readonly kid: string;
  readonly alg: ZoneAlg;
  /**
   * `pending`: published, and does not sign yet; `active`: may sign; `retiring`: signs no more, and is still published;
   * `retired`: not published any more; `compromised`: withdrawn.
   */
  readonly state: KeyState;
  readonly published_at: Date;
  readonly activates_at: Date;
  /** When it signs no more; `null`: not known yet. */
  readonly retires_at: Date | null;
  /** When it leaves the key set; `null`: not known yet. */
  readonly expires_at: Date | null;
  /** When it was withdrawn; `null`: never. */
  readonly compromised_at: Date | null;
}

/** What the signing keys of a zone are like. */
export interface SigningKeySettingsView {
  /** What mandates are signed with unless their resources ask for something else. */
  readonly signing_alg: ZoneAlg;
  /** After how many days a key is rotated by itself; 0 for never. */
  readonly rotation_days: number;
  /** Whether the key set has a certificate with each key (`x5c`). */
  readonly publish_x5c: boolean;
}

/** The signing keys of a zone, the newest first. */
export interface SigningKeysView extends SigningKeySettingsView {
  readonly items: readonly SigningKeyView[];
}

/** What a rotation has come to. */
export interface RotatedKeyView {
  readonly rotated: true;
  readonly zone_id: string;
  /** The key that signs next, or does already. */
  readonly kid: string;
  readonly alg: ZoneAlg;
  readonly state: KeyState;
  readonly activates_at: Date;
}

/** What a rotation would do. */
export interface WouldRotate {
  /** The keys that would be made. */
  readonly publish: readonly { readonly alg: ZoneAlg; readonly activates_at: Date }[];
  /** The `kid`s of those that would sign no more once these may, and stay published until what they signed has expired. */
  readonly retire: readonly string[];
  /** The `kid`s of those that would leave the key set at once. */
  readonly withdraw: readonly string[];
  readonly affects: {
    /** Mandates that would not verify any more; `null`: not counted in the time there is. */
    readonly mandates_unexpired: number | null;
  };
}

/** The signing keys of a zone as operators are shown them. @param now milliseconds since the epoch */
export function toView(zone: Zone, keys: readonly ScheduledKey[], now: number): SigningKeysView {
  return { ...toSettings(zone), items: keys.map((key) => toKeyView(key, now)) };
}

/** What they are like. */
export function toSettings({ signingAlg, rotationDays, publishX5c }: Zone): SigningKeySettingsView {
  return { signing_alg: signingAlg, rotation_days: rotationDays, publish_x5c: publishX5c };
}

function toKeyView(key: ScheduledKey, now: number): SigningKeyView {
  return {
    kid: key.kid,
    alg: key.alg,
    state: keyState(key, now),
    published_at: instant(key.publishedAt),
    activates_at: instant(key.activatesAt),
    retires_at: key.retiresAt === null ? null : instant(key.retiresAt),
    expires_at: key.expiresAt === null ? null : instant(key.expiresAt),
    compromised_at: key.compromisedAt === null ? null : instant(key.compromisedAt),
  };
}
