import { z } from 'zod';
import { isScopeClaim, MAX_CLAIMS_OF_SCOPE } from '../../../mandates/scope-claims.js';
import { nameOf, type Item, type Noun } from '../field.js';
import { line, scopeToken } from './values.js';

/** What every zone says of the scopes that it begins with. */
const SYSTEM: ReadonlyMap<string, string> = new Map([
  ['openid', 'Know who you are'],
  ['profile', 'See your name and profile'],
  ['email', 'See your email address'],
  ['offline_access', 'Keep access while you are away'],
]);

/** What scopes are, for the whole zone. */
export const SCOPES: Noun = {
  section: 'scopes',
  title: 'scope',
  path: 'scopes',
  key: 'name',
  change: 'patch',
  description:
    'What scopes allow, for the whole zone; a resource lists those that can be granted for it.',
  isPermanent: (view) => view['is_system'] === true,
  isBornWith: (name) => SYSTEM.has(name),
  isUsual: (view: Item) =>
    view['is_system'] === true &&
    view['active'] === true &&
    Array.isArray(view['claims']) &&
    view['claims'].length === 0 &&
    view['description'] === SYSTEM.get(nameOf({ key: 'name' }, view)),
  fields: {
    name: {
      type: scopeToken().describe('Unique in the zone. It cannot be changed.'),
      absent: null,
    },
    description: {
      type: line().describe('What it allows, in words for people who confirm requests.'),
      absent: null,
    },
    claims: {
      type: z
        .array(
          z.string().refine(isScopeClaim, {
            error: 'must be the name of an attribute, none of the token itself',
          }),
        )
        .max(MAX_CLAIMS_OF_SCOPE)
        .describe(
          "The claims of a user that it lets into mandates, as the user's issuer says them: `email`, never `sub`.",
        ),
      absent: [],
      unordered: true,
    },
    active: {
      type: z
        .boolean()
        .describe(
          'Whether it can be granted at all. Stays as it is where the file does not say: what was taken out of use is not put back.',
        ),
      absent: true,
      stays: true,
    },
  },
};
