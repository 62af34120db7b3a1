import { IsPrintableAscii, IsPrincipal, MayBeAbsent } from '../../platform/http/validators.js';

/** What a trusted issuer calls the workload that a client is. */
export class WorkloadIdentityBody {
  /** The `issuer` of one of the zone's trusted issuers, whose tokens may be client assertions. */
  @IsPrintableAscii()
  issuer: string;

  /** Exactly what its tokens say, such as `system:serviceaccount:default:web`. */
  @IsPrincipal()
  subject: string;
}

/** A workload whose token names the client, without any credentials of the client's own. */
export class FederatedIdentityBody extends WorkloadIdentityBody {
  /** The one `aud` that its tokens must have; our issuer by default. */
  @MayBeAbsent()
  @IsPrintableAscii()
  audience?: string;
}
