import { isObject } from '../api/json.js';
import type { JsonValue } from '../../oauth/strict-json.js';
import type { FieldChange } from './compare.js';
import type { Item } from './field.js';
import type { LogoFile } from './logo-file.js';

/** What is otherwise in a file than in the installation, for people. */
export interface Difference {
  readonly action: 'create' | 'change' | 'delete';
  /** Such as `client`. */
  readonly noun: string;
  readonly name: string;
  /** What it is to be of something new or other, field by field. */
  readonly changes: readonly FieldChange[];
}

/** One request that is to be made, or a few that belong together. */
export type Step =
  | {
      readonly do: 'create' | 'change';
      readonly section: string;
      readonly name: string;
      /** The id and entity tag that the plan has read; `null` for what a step before this one makes, or this one. */
      readonly read: { readonly id: string; readonly etag: string | null } | null;
      /** All of it, in the words of the file. */
      readonly item: Item;
      /** The fields that the request is about. */
      readonly fields: readonly string[];
    }
  | {
      readonly do: 'delete';
      readonly section: string;
      readonly name: string;
      readonly read: { readonly id: string; readonly etag: string | null };
    }
  | {
      readonly do: 'add secret';
      readonly name: string;
      readonly from: Item;
    }
  | {
      readonly do: 'change secret';
      readonly name: string;
      readonly read: { readonly id: string; readonly etag: string | null };
      readonly expiresAt: string;
    }
  | { readonly do: 'set policy schema'; readonly text: string; readonly etag: string | null }
  | {
      readonly do: 'write policy';
      readonly name: string;
      readonly id: string | null;
      readonly text: string;
    }
  | {
      readonly do: 'activate';
      readonly name: string;
      readonly etag: string | null;
      readonly members: readonly PolicyMember[];
      /** The most decisions that would be other ones, by a replay; absent for any number. */
      readonly maxChanges?: number;
    }
  | {
      readonly do: 'delete policies';
      readonly what: 'policy' | 'policy set';
      readonly name: string;
      readonly read: { readonly id: string; readonly etag: string | null };
    };

/** A policy of a set: the version that is there, or `null` for the one that a step before this one writes. */
export interface PolicyMember {
  readonly name: string;
  readonly versionId: string | null;
}

/** What there is to do in one zone. */
export interface Plan {
  readonly zone: string;
  /** `null` where it is yet to be made. */
  readonly zoneId: string | null;
  readonly issuer: string | null;
  readonly clients: ReadonlyMap<string, string>;
  readonly differences: readonly Difference[];
  readonly steps: readonly Step[];
  /** What is there and not in the file, and stays: sections that the file has, without `--prune`. */
  readonly unmanaged: readonly { readonly noun: string; readonly name: string }[];
  readonly folder: string;
  /** The logo that the file refers to. */
  readonly logo: LogoFile | null;
}

/** A reference to a secret, in words. */
export function describeSecret({ env, file, expires_at: end }: Item): string {
  const until = typeof end === 'string' ? `, until ${end}` : '';
  if (typeof env === 'string') return `from environment variable ${env}${until}`;
  return `${typeof file === 'string' ? `from file ${file}` : 'drawn by the server'}${until}`;
}

/** The reference to a secret in a field. */
export function secretIn(value: JsonValue | undefined): Item | null {
  return isObject(value) ? value : null;
}
