import { ArrayMaxSize, IsArray, IsUUID, Max, Min } from 'class-validator';
import { MAX_POLICIES } from '../../policy/engine/compile.js';
import {
  IsLine,
  IsListOfBodies,
  IsTextBlock,
  IsWholeNumber,
  MayBeAbsent,
} from '../../platform/http/validators.js';

/** Modules in a request; larger sets are stored before. */
const MAX_MODULES = 1_000;
/** How far back a replay goes if nothing is said, and how many decisions it comes to. */
export const DEFAULT_DAYS = 7;
export const DEFAULT_DECISIONS = 100_000;

/** A policy that is not stored. */
export class CandidatePolicyBody {
  /** The name that the policy has in the zone, or would have: it is part of the hash of the set. */
  @IsLine()
  name: string;

  /** Cedar. */
  @IsTextBlock()
  content: string;
}

/**
 * Candidate policies, and how much of the audit log they are to be tried on: a version of a policy set, or policies that would
 * be put together to one, stored, given, or both.
 */
export class PolicyReplayBody {
  /** A version of a policy set of this zone. */
  @MayBeAbsent()
  @IsUUID()
  policy_set_version_id?: string;

  /** Policy versions of this zone. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(MAX_POLICIES)
  @IsUUID(undefined, { each: true })
  policy_version_ids?: string[];

  /** Policies by their texts. */
  @MayBeAbsent()
  @IsListOfBodies(MAX_MODULES, () => CandidatePolicyBody)
  policies?: CandidatePolicyBody[];

  /** How many days back it goes, from now on. */
  @MayBeAbsent()
  @IsWholeNumber()
  @Min(1)
  @Max(90)
  days?: number = DEFAULT_DAYS;

  /** After how many decisions it ends, the newest first. */
  @MayBeAbsent()
  @IsWholeNumber()
  @Min(1)
  @Max(1_000_000)
  max_decisions?: number = DEFAULT_DECISIONS;
}
