import { ArrayMaxSize, IsArray, IsUUID, Max, Min } from 'class-validator';
import { MAX_POLICIES } from '../../policy/engine/compile.js';
import {
  IsLine,
  IsTextBlock,
  IsWholeNumber,
  MayBeAbsent,
  MayBeNull,
} from '../../platform/http/validators.js';
import { NamedQuery } from '../pagination.body.js';

/** A new text of a policy. */
export class PolicyVersionBody {
  /** Cedar. Each policy in it needs an `@id` of its own. */
  @IsTextBlock()
  content: string;

  /** Who wrote it, for those who ask later. */
  @MayBeAbsent()
  @IsLine()
  author?: string;
}

/** A policy and its first text. */
export class PolicyBody extends PolicyVersionBody {
  /** Unique in the zone. */
  @IsLine()
  name: string;

  /** What it is for, for operators. */
  @MayBeAbsent()
  @IsLine()
  description?: string;
}

/** What is to change of a policy, as a merge patch (RFC 7396). Its text is changed by a new version. */
export class PolicyChangeBody {
  /** Replaces the name, as long as no version of it is in a policy set: the name is part of the hash of those. */
  @MayBeAbsent()
  @IsLine()
  name?: string;

  /** Replaces what it is for. */
  @MayBeNull()
  @IsLine()
  description?: string | null;
}

/** A policy set to be made. */
export class PolicySetBody {
  /** Unique in the zone. */
  @IsLine()
  name: string;

  /** What it is for, for operators. */
  @MayBeAbsent()
  @IsLine()
  description?: string;
}

/** What is to change of a policy set, as a merge patch (RFC 7396). What is in it is changed by a new version. */
export class PolicySetChangeBody {
  /** Replaces the name. */
  @MayBeAbsent()
  @IsLine()
  name?: string;

  /** Replaces what it is for. */
  @MayBeNull()
  @IsLine()
  description?: string | null;
}

/** A manifest of policy versions. */
export class PolicySetVersionBody {
  /** The policy versions that are in it; the order has no meaning. */
  @IsArray()
  @ArrayMaxSize(MAX_POLICIES)
  @IsUUID(undefined, { each: true })
  policy_version_ids: string[];

  /** Who put it together, for those who ask later. */
  @MayBeAbsent()
  @IsLine()
  author?: string;
}

/** Which policy set version is meant. */
export class PolicySetVersionReferenceBody {
  /** A version of a policy set of this zone. */
  @IsUUID()
  policy_set_version_id: string;
}

/** The largest budget of changed decisions: a replay comes to no more. */
export const MAX_CHANGE_BUDGET = 1_000_000;

/** Which policy set version is to decide, and how much of what was decided it may change. */
export class ActivationBody extends PolicySetVersionReferenceBody {
  /**
   * The most decisions of the last days that would be other ones by it, as a replay of the same policies against the active
   * ones has found, complete and of the last 24 hours. What that could not make again counts as well. Where the zone has a
   * `policy_max_changes`, the smaller one of both counts.
   */
  @MayBeAbsent()
  @IsWholeNumber()
  @Min(0)
  @Max(MAX_CHANGE_BUDGET)
  max_changes?: number;
}

/** What a zone adds to the Cedar schema. */
export class PolicySchemaBody {
  /** Cedar schema: more optional attributes of `SubjectClaims`, `ActorClaims` and `Constraints`. */
  @IsTextBlock()
  extension: string;
}

/** What a recorded decision is made again on. */
export class ReplayBody {
  /** A version of a policy set of the same zone; the recorded one if absent. */
  @MayBeAbsent()
  @IsUUID()
  policy_set_version_id?: string;
}

/** The policy sets to be listed. */
export class PolicySetsQuery extends NamedQuery {
  /** Those that have a version of this policy in one of theirs. */
  @MayBeAbsent()
  @IsUUID()
  policy_id?: string;
}
