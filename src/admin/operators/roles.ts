import { NOUNS, SPECIAL_PERMISSIONS, type Noun, type Permission } from '../permission.js';

/** What an operator of a role may do, and whom it is for. */
export interface RoleTerms {
  /** One sentence for the table of `docs/administration.md`. */
  readonly purpose: string;
  readonly permissions: ReadonlySet<Permission>;
}

const ALL_READ: readonly Permission[] = NOUNS.map((noun) => `${noun}:read` as const);
const write = (...nouns: readonly Noun[]): Permission[] =>
  nouns.map((noun) => `${noun}:write` as const);
const read = (...nouns: readonly Noun[]): Permission[] =>
  nouns.map((noun) => `${noun}:read` as const);

/** Every permission that there is, in the order of the nouns. */
export const PERMISSIONS: readonly Permission[] = [
  ...NOUNS.flatMap((noun): Permission[] => [`${noun}:read`, `${noun}:write`]),
  ...SPECIAL_PERMISSIONS,
];

/** The roles that are built in, and all that they permit: there are no others. */
export const ROLES = {
  owner: role('Everything, and alone who may administer at all', PERMISSIONS),
  operator: role('The daily work: everything but operators', [
    ...ALL_READ,
    ...PERMISSIONS.filter((each) => each !== 'operators:write'),
  ]),
  security: role('Looks at everything, takes authority away, and says by what rules it is given', [
    ...ALL_READ,
    ...write('approvals', 'authenticators', 'keys', 'outbound-policies', 'policies'),
    ...write('proof-systems', 'revocations', 'sessions', 'step-up-types'),
    'challenges:decide',
    'keys:rotate',
  ]),
  auditor: role('Looks at everything, and changes nothing', ALL_READ),
  support: role('Finds out why somebody was refused, and ends what somebody has lost', [
    ...read('authenticators', 'challenges', 'clients', 'decisions', 'policies', 'resources'),
    ...read('revocations', 'scopes', 'sessions', 'step-up-types', 'zones'),
    ...write('revocations', 'sessions'),
  ]),
  'login-app': role('A program that shows pages to people: it has them register authenticators', [
    ...read('authenticators', 'challenges', 'clients', 'scopes', 'step-up-types', 'zones'),
    ...write('authenticators'),
  ]),
} as const satisfies Readonly<Record<string, RoleTerms>>;

/** The name of one of {@link ROLES}. */
export type Role = keyof typeof ROLES;

/** The names of the roles, the mightiest first. */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the names of an object that is written here
export const ROLE_NAMES = Object.keys(ROLES) as readonly Role[];

/** Whether a text names a role. */
export function isRole(text: string): text is Role {
  return Object.hasOwn(ROLES, text);
}

/** What a role permits; nothing for one that this version does not know. */
export function permissionsOf(name: string): ReadonlySet<Permission> {
  return isRole(name) ? ROLES[name].permissions : new Set();
}

function role(purpose: string, permissions: readonly Permission[]): RoleTerms {
  return { purpose, permissions: new Set(permissions) };
}
