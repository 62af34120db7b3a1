import { Type } from 'class-transformer';
import { IsObject, IsOptional, IsString, ValidateNested } from 'class-validator';
import { MAX_INPUTS } from '../../policy/engine/simulation.js';
import { IsListOfBodies, MayBeAbsent } from '../../platform/http/validators.js';
import { PolicyInputBody } from './policy-input.body.js';

/** Modules in a request; larger sets are simulated where they are stored. */
const MAX_MODULES = 1_000;

class PolicyTextBody {
  @IsString()
  id: string;

  /** Cedar. */
  @IsString()
  content: string;
}

/** Policies, given or stored, and what to evaluate them on: one input, or up to 1,000. */
export class SimulationBody {
  @IsOptional()
  @IsString()
  policy_set_id?: string;

  /** With `policies` only repeated in the answer; without them the stored set version to take. */
  @IsOptional()
  @IsString()
  version_id?: string;

  @MayBeAbsent()
  @IsString()
  manifest_sha256?: string;

  @MayBeAbsent()
  @IsListOfBodies(MAX_MODULES, () => PolicyTextBody)
  policies?: PolicyTextBody[];

  @MayBeAbsent()
  @ValidateNested()
  @Type(() => PolicyInputBody)
  @IsObject()
  input?: PolicyInputBody;

  @MayBeAbsent()
  @IsListOfBodies(MAX_INPUTS, () => PolicyInputBody)
  inputs?: PolicyInputBody[];
}
