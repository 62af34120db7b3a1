import type { Configuration } from '../configuration.js';
import { CLIENT_CREDENTIALS } from '../vocabulary.js';
import { fakeSts } from './fake-sts.js';
import { clientNamed, configurationOf, TOKEN_ENDPOINT, type World } from './world.js';

/** The settings for a fake server, with tokens that one without faults has issued. */
export async function configured(world: World): Promise<Configuration> {
  const tokenOf = async (id: string) => {
    const { client_id, client_secret = '' } = clientNamed(world, id);
    const body = { grant_type: CLIENT_CREDENTIALS, client_id, client_secret };
    const answer = await fakeSts(world, null)(TOKEN_ENDPOINT, {
      method: 'POST',
      body: new URLSearchParams(body),
    });
    return ((await answer.json()) as { access_token: string }).access_token;
  };
  return configurationOf(world, { subject: await tokenOf('web'), actor: await tokenOf('agent') });
}
