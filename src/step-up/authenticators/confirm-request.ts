import type { RequestId } from '../../platform/http/request-id.js';

/** The request by which a person shows something, or decides. */
export interface ConfirmRequest {
  readonly requestId: RequestId;
  /** The caller's address. */
  readonly source: string;
}
