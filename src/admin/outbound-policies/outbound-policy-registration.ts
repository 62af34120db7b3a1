import { UnprocessableEntityException } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { OutboundPolicyRow } from '../../platform/outbound/outbound-policy.entity.js';
import { OUTBOUND_TARGETS, type OutboundTarget } from '../../platform/outbound/outbound-policy.js';
import { given } from '../given.js';
import type { FetchEnv } from '../issuers/registered-keys.js';
import type { OutboundPolicyBody, OutboundPolicyChangeBody } from './outbound-policy.body.js';

/**
 * Reads the kind of requests that a policy is for.
 *
 * @throws {UnprocessableEntityException} for what this service does not request
 */
export function readTarget(text: string): OutboundTarget {
  const target = OUTBOUND_TARGETS.find((known) => known === text);
  if (target !== undefined) return target;
  throw new UnprocessableEntityException(
    `target must be one of ${OUTBOUND_TARGETS.join(', ')}: there are no other outbound requests`,
  );
}

/**
 * Makes a policy.
 *
 * @param zoneId `null` for one of the installation
 * @throws {UnprocessableEntityException} for what the environment does not allow
 */
export async function createOutboundPolicy(
  tx: EntityManager,
  zoneId: string | null,
  { name, target, ...rest }: OutboundPolicyBody,
  env: FetchEnv,
): Promise<OutboundPolicyRow> {
  const policies = tx.getRepository(OutboundPolicyRow);
  const id = uuidv7();
  const columns = { ...NEW, ...columnsOf(rest, env) };
  await policies.insert({ id, zoneId, name, target: readTarget(target), ...columns });
  return policies.findOneByOrFail({ id });
}

/**
 * The columns that a change of a policy writes.
 *
 * @throws {UnprocessableEntityException} for what the environment does not allow
 */
export function changedColumns(
  { name, ...limits }: OutboundPolicyChangeBody,
  env: FetchEnv,
): Partial<OutboundPolicyRow> {
  return { ...columnsOf(limits, env), ...given({ name }) };
}

/** The change that makes a policy what a body says, and as a new one where it says nothing. */
export function replacing({
  target: _target,
  ...body
}: OutboundPolicyBody): OutboundPolicyChangeBody {
  return { enabled: NEW.enabled, ...NOTHING_SAID, ...given(body) };
}

/**
 * Checks that a policy stays for the requests that it is for.
 *
 * @throws {UnprocessableEntityException} else
 */
export function checkSameTarget(row: OutboundPolicyRow, { target }: OutboundPolicyBody): void {
  if (readTarget(target) === row.target) return;
  throw new UnprocessableEntityException('target: it cannot change; make another policy');
}

const NOTHING_SAID: Omit<OutboundPolicyChangeBody, 'name' | 'enabled'> = {
  allowed_host_patterns: null,
  allowed_path_patterns: null,
  allowed_ports: null,
  allowed_schemes: null,
  block_private_ips: null,
  block_loopback_ips: null,
  block_localhost_names: null,
  request_timeout_seconds: null,
  max_response_bytes: null,
};

/** What a new policy has where nothing is said. */
const NEW = {
  enabled: true,
  allowedHostPatterns: [],
  allowedPathPatterns: [],
  allowedPorts: [],
  allowedSchemes: [],
  blockPrivateIps: true,
  blockLoopbackIps: true,
  blockLocalhostNames: true,
  requestTimeoutSeconds: null,
  maxResponseBytes: null,
} satisfies Partial<OutboundPolicyRow>;

/** The columns that a body says something of; `null` there is what a new policy has. */
function columnsOf(
  body: Omit<OutboundPolicyChangeBody, 'name'>,
  env: FetchEnv,
): Partial<OutboundPolicyRow> {
  checkAllowed(body, env);
  const asked: Partial<Record<keyof typeof NEW, unknown>> = {
    enabled: body.enabled,
    allowedHostPatterns: body.allowed_host_patterns,
    allowedPathPatterns: body.allowed_path_patterns,
    allowedPorts: body.allowed_ports,
    allowedSchemes: body.allowed_schemes,
    blockPrivateIps: body.block_private_ips,
    blockLoopbackIps: body.block_loopback_ips,
    blockLocalhostNames: body.block_localhost_names,
    requestTimeoutSeconds: body.request_timeout_seconds,
    maxResponseBytes: body.max_response_bytes,
  };
  return Object.fromEntries(
    Object.entries(given(asked)).map(([column, value]) => [
      column,
      value ?? Reflect.get(NEW, column),
    ]),
  );
}

/** A policy only takes away from what the process may do: what would give more is refused, since it would never count. */
function checkAllowed(
  body: Omit<OutboundPolicyChangeBody, 'name'>,
  { allowInsecureFetch, allowPrivateFetch }: FetchEnv,
): void {
  if (body.allowed_schemes?.includes('http') === true && !allowInsecureFetch) {
    throw new UnprocessableEntityException('allowed_schemes: ALLOW_INSECURE_FETCH is not set');
  }
  const opened = (
    ['block_private_ips', 'block_loopback_ips', 'block_localhost_names'] as const
  ).find((member) => body[member] === false);
  if (opened !== undefined && !allowPrivateFetch) {
    throw new UnprocessableEntityException(`${opened}: ALLOW_PRIVATE_FETCH is not set`);
  }
}
