import type { Permission } from '../permission.js';
import { PERMISSIONS } from './roles.js';

/** The resource of the control zone that mandates of operators are for (RFC 8707 2). */
export const CONTROL_RESOURCE = 'urn:mandate:control';

const PREFIX = 'control:';

/** The scopes of that resource: `control:` and a permission, such as `control:clients:read`. */
export const CONTROL_SCOPES: readonly string[] = PERMISSIONS.map((each) => PREFIX + each);

/** The permissions that scopes are; what is none is left out. */
export function permissionsIn(scope: readonly string[]): readonly Permission[] {
  return PERMISSIONS.filter((each) => scope.includes(PREFIX + each));
}
