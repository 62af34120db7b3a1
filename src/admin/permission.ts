import 'reflect-metadata';
import { RequestMethod } from '@nestjs/common';
import { METHOD_METADATA } from '@nestjs/common/constants.js';
import { ApiExtension } from '../platform/http/openapi-decorators.js';

/** What operators administer, in the words of paths. */
export const NOUNS = [
  'zones',
  'resources',
  'scopes',
  'clients',
  'issuers',
  'policies',
  'decisions',
  'audit',
  'keys',
  'sessions',
  'revocations',
  'challenges',
  'step-up-types',
  'proof-systems',
  'authenticators',
  'webhooks',
  'outbound-policies',
  'operators',
  'approvals',
  'process',
] as const;

/** What something is about. */
export type Noun = (typeof NOUNS)[number];

/** Permissions that are neither to read nor to write all that a noun has. */
export const SPECIAL_PERMISSIONS = ['challenges:decide', 'keys:rotate'] as const;

/** What a route asks of an operator. */
export type Permission = `${Noun}:read` | `${Noun}:write` | (typeof SPECIAL_PERMISSIONS)[number];

/** What a route asks that every operator may call, such as to be told who it is. */
export const NO_PERMISSION = 'none';

/** What a handler asks for. */
export type Asked = Permission | typeof NO_PERMISSION;

const OF_HANDLER = 'mandate:permission';
const FOR_SOME_ZONES = 'mandate:for some zones';
const READING: readonly unknown[] = [RequestMethod.GET, RequestMethod.HEAD];

/** What a handler asks of an operator, where its method and its controller's noun say something else. */
export function Permission(permission: Asked): MethodDecorator {
  return (target, name, descriptor) => {
    ask(descriptor.value, permission);
    ApiExtension('x-permission', permission)(target, name, descriptor);
  };
}

/**
 * What each handler of a controller asks of an operator: to read what a noun names, or, for what is neither `GET` nor
 * `HEAD`, to write it. The OpenAPI document has it as `x-permission` of the operation.
 */
export function Permissions(noun: Noun): ClassDecorator {
  return ({ prototype }) => {
    for (const name of Object.getOwnPropertyNames(prototype)) {
      const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
      const handler: unknown = descriptor?.value;
      if (descriptor === undefined || typeof handler !== 'function') continue;
      const method: unknown = Reflect.getMetadata(METHOD_METADATA, handler);
      if (method === undefined || permissionOf(handler) !== null) continue;
      Permission(`${noun}:${READING.includes(method) ? 'read' : 'write'}`)(
        prototype,
        name,
        descriptor,
      );
    }
  };
}

/** What a handler asks of an operator. @returns `null` for what is no handler of operators' routes */
export function permissionOf(handler: object): Asked | null {
  const permission: Asked | undefined = Reflect.getMetadata(OF_HANDLER, handler);
  return permission ?? null;
}

/**
 * Lets operators in who may see some zones only, at a route whose path names no zone: the handler looks itself at which
 * (`seesZone`), and shows nothing of others. Without it such a route is for operators of all zones.
 */
export function ForSomeZones(): MethodDecorator {
  return (_target, _name, { value }) => {
    if (typeof value !== 'function') throw new Error('only a handler can be for some zones');
    Reflect.defineMetadata(FOR_SOME_ZONES, true, value);
  };
}

/** Whether a handler is {@link ForSomeZones}. */
export function isForSomeZones(handler: object): boolean {
  return Reflect.getMetadata(FOR_SOME_ZONES, handler) === true;
}

function ask(handler: unknown, permission: Asked): void {
  if (typeof handler !== 'function') throw new Error('only a handler asks for a permission');
  Reflect.defineMetadata(OF_HANDLER, permission, handler);
}
