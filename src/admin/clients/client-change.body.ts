import { IsBoolean, IsIn } from 'class-validator';
import { ZONE_ALGS, type ZoneAlg } from '../../oauth/algorithms.js';
import {
  IsListOfBodies,
  IsLine,
  IsListOf,
  IsResourceIdentifier,
  MayBeAbsent,
  MayBeNull,
} from '../../platform/http/validators.js';
import {
  ASSERTION_AUDIENCES,
  type AssertionAudience,
} from '../../zones/clients/asserting-client.js';
import { MAX_DEFAULT_RESOURCES } from '../zones/default-resources.js';
import { ClientTermsBody } from './client-terms.body.js';
import { FederatedIdentityBody } from './workload-identity.body.js';

/**
 * What is to change of a client, as a merge patch (RFC 7396): what is left out stays, and `null` takes away.
 */
export class ClientChangeBody extends ClientTermsBody {
  /** Replaces the name. */
  @MayBeAbsent()
  @IsLine()
  name?: string;

  /** Replaces what people who confirm its requests are told of it. */
  @MayBeNull()
  @IsLine()
  description?: string | null;

  /** A disabled client is refused everywhere, at once. */
  @MayBeAbsent()
  @IsBoolean()
  disabled?: boolean;

  /** Replaces the labels. */
  @MayBeNull()
  @IsListOf(50, IsLine)
  labels?: string[] | null;

  /** Replaces the groups. */
  @MayBeNull()
  @IsListOf(50, IsLine)
  groups?: string[] | null;

  /** Replaces what its requests are for that name no `resource`. */
  @MayBeNull()
  @IsListOf(MAX_DEFAULT_RESOURCES, IsResourceIdentifier)
  default_resources?: string[] | null;

  /** What operators call the application elsewhere. It means nothing here; lists are filtered by it. */
  @MayBeNull()
  @IsLine()
  app_id?: string | null;

  /** Replaces the algorithm that signs its introspection answers; `null` for JSON. */
  @MayBeNull()
  @IsIn(ZONE_ALGS)
  introspection_signed_response_alg?: ZoneAlg | null;

  /** Replaces what the `aud` of its assertions must be; `null` for `issuer`, the safer one (RFC 10070). */
  @MayBeNull()
  @IsIn(ASSERTION_AUDIENCES)
  assertion_audience?: AssertionAudience | null;

  /** Replaces the workloads whose tokens name it. What rests on those that are left out ends. */
  @MayBeNull()
  @IsListOfBodies(20, () => FederatedIdentityBody)
  federated_identities?: FederatedIdentityBody[] | null;
}
