import type { Action } from './noun.js';
import { policyPath } from './activation-actions.js';
import { SET, VERSION, setVersionOf } from './policy-set-versions.js';

/** What can be done to try a version of a policy set on live requests. */
export const shadowActions: readonly Action[] = [
  {
    words: 'shadow show',
    what: 'Shows what the candidate that is tried would have decided otherwise, and for whom.',
    args: [],
    examples: [{ line: '--zone prod', what: 'before it is activated' }],
    run: async (context) =>
      context.print(await context.api.get(await policyPath(context, '/shadow'))),
  },
  {
    words: 'shadow try',
    what: 'Tries a version of a set on live requests. It decides nothing.',
    args: [SET],
    options: [VERSION],
    examples: [{ line: 'main --zone prod', what: 'the latest version' }],
    async run(context, { args: [set], options }) {
      const body = {
        policy_set_version_id: await setVersionOf(context, set, options['versionId']),
      };
      await context.print(
        await context.api.request('PUT', await policyPath(context, '/shadow'), { body }),
      );
    },
  },
  {
    words: 'shadow stop',
    what: 'Stops trying the candidate.',
    args: [],
    examples: [{ line: '--zone prod', what: 'enough was seen' }],
    async run(context) {
      await context.api.request('DELETE', await policyPath(context, '/shadow'));
      context.say('no candidate is tried');
    },
  },
];
