import { ConflictException } from '@nestjs/common';
import { QueryFailedError } from 'typeorm';
import type { FieldError } from '../platform/http/field-error.js';

const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';
/** What a foreign key `ON DELETE RESTRICT` is violated with (PostgreSQL 18). */
const RESTRICT_VIOLATION = '23001';

/**
 * The field that each constraint is about, in the words of bodies: unique constraints, and foreign keys of what a body
 * may refer to. `test/admin/conflicts.spec.ts` compares it with the constraints that the database has.
 */
export const FIELD_OF_CONSTRAINT: Readonly<Record<string, string>> = {
  authenticators_zone_id_credential_id_key: 'credential_id',
  clients_workload_issuer_fkey: 'workload_identity.issuer',
  clients_zone_id_name_key: 'name',
  federated_identities_zone_id_issuer_id_subject_key: 'federated_identities',
  outbound_policies_installation_name: 'name',
  outbound_policies_installation_target: 'target',
  outbound_policies_name: 'name',
  outbound_policies_target: 'target',
  installation_webhooks_name: 'name',
  operators_name_key: 'name',
  policies_zone_id_name_key: 'name',
  policy_set_members_zone_id_policy_version_id_fkey: 'policy_version_ids',
  policy_sets_zone_id_name_key: 'name',
  proof_systems_zone_id_name_key: 'name',
  resources_zone_id_identifier_key: 'identifier',
  resources_zone_id_owner_client_id_fkey: 'owner_client_id',
  scopes_zone_id_name_key: 'name',
  trusted_issuers_zone_id_issuer_key: 'issuer',
  webhooks_name: 'name',
  zones_id_active_policy_set_version_id_fkey: 'policy_set_version_id',
  zones_id_shadow_policy_set_version_id_fkey: 'policy_set_version_id',
  zones_issuer_url_key: 'issuer_url',
  zones_name_key: 'name',
};

/**
 * The constraint that a statement was refused for, by its name in the schema: in a distributed database each shard has its
 * own, with the number of the shard behind it.
 *
 * @returns `null` if it was refused for none
 */
export function violatedConstraint(error: unknown): string | null {
  if (!(error instanceof QueryFailedError)) return null;
  const { driverError } = error;
  const name: unknown = Reflect.get(driverError, 'constraint');
  if (typeof name === 'string') return name.replace(/_\d{6,}$/, '');
  // What Citus was told by another node has it in its words only, whatever their language is.
  const named = [...driverError.message.matchAll(/\b(\w+?)_\d{6,}\b/g)].map(
    ([, each = '']) => each,
  );
  return named.find((each) => each in FIELD_OF_CONSTRAINT) ?? null;
}

/**
 * The conflict that a change ran into, if the database refused it for a constraint; what was thrown otherwise.
 *
 * @param removes whether the change removes something: then something else refers to that, otherwise the change refers to
 *   what is not there. PostgreSQL names the same constraint for both, and tells them apart in words of its own language
 * @returns a 409 that names the field, where the constraint is about one
 */
export function asConflict(error: unknown, removes: boolean): unknown {
  if (!(error instanceof QueryFailedError)) return error;
  const { driverError } = error;
  const code: unknown = Reflect.get(driverError, 'code');
  const field = FIELD_OF_CONSTRAINT[violatedConstraint(error) ?? ''];
  const conflict = (message: string, one: Omit<FieldError, 'field'>): ConflictException => {
    const errors: FieldError[] = field === undefined ? [] : [{ field, ...one }];
    const body = { message, ...(errors.length === 0 ? {} : { errors }) };
    return new ConflictException(body, { cause: error });
  };
  if (code === UNIQUE_VIOLATION) {
    return conflict('something of that name or identifier exists', {
      code: 'taken',
      message: 'it is taken',
    });
  }
  if (code !== FOREIGN_KEY_VIOLATION && code !== RESTRICT_VIOLATION) return error;
  return conflict(
    'it is in use, or what it refers to does not exist',
    removes
      ? { code: 'in_use', message: 'something refers to it here' }
      : { code: 'unknown', message: 'there is no such thing' },
  );
}
