import { ArrayMaxSize, IsArray, IsUUID } from 'class-validator';
import { MAX_POLICIES } from '../policy/compile.js';
import { IsLine, IsTextBlock } from './text.js';

/** A policy and its first text. */
export class PolicyBody {
  /** Unique in the zone. What decisions call it unless its text has an `@id`. */
  @IsLine()
  name: string;

  /** Cedar. */
  @IsTextBlock()
  content: string;
}

/** A new text of a policy. */
export class PolicyVersionBody {
  /** Cedar. */
  @IsTextBlock()
  content: string;
}

/** A policy set to be made. */
export class PolicySetBody {
  /** Unique in the zone. */
  @IsLine()
  name: string;
}

/** A manifest of policy versions. */
export class PolicySetVersionBody {
  /** The policy versions that are in it; the order has no meaning. */
  @IsArray()
  @ArrayMaxSize(MAX_POLICIES)
  @IsUUID(undefined, { each: true })
  policy_version_ids: string[];
}

/** Which policy set version is to decide. */
export class ActivationBody {
  /** A version of a policy set of this zone. */
  @IsUUID()
  policy_set_version_id: string;
}
