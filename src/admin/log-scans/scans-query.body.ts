import { IsIn } from 'class-validator';
import { MayBeAbsent } from '../../platform/http/validators.js';
import { PageQuery } from '../pagination.body.js';

/** The scans to be listed. */
export class ScansQuery extends PageQuery {
  /** Those in this state. */
  @MayBeAbsent()
  @IsIn(['queued', 'running', 'done', 'failed', 'cancelled'])
  state?: 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
}
