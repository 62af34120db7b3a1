import { UnprocessableEntityException } from '@nestjs/common';
import { registerDecorator } from 'class-validator';
import { GRANT_TYPES } from '../../oauth/vocabulary.js';

/**
 * Members of a client's registration (RFC 7591 2, OpenID Connect Registration 1.0 2, and what other servers call them) for
 * which there is no feature here yet.
 */
export const NOT_OFFERED = [
  'allowed_cors_origins',
  'application_type',
  'backchannel_logout_session_required',
  'backchannel_logout_uri',
  'client_uri',
  'contacts',
  'default_acr_values',
  'default_max_age',
  'enforce_pkce',
  'frontchannel_logout_uri',
  'grant_types',
  'id_token_encrypted_response_alg',
  'id_token_encrypted_response_enc',
  'id_token_lifespan',
  'id_token_signed_response_alg',
  'initiate_login_uri',
  'logo_uri',
  'policy_uri',
  'post_logout_redirect_uris',
  'public',
  'redirect_uris',
  'refresh_token_lifespan',
  'request_object_signing_alg',
  'request_uris',
  'require_auth_time',
  'response_modes',
  'response_types',
  'scope',
  'sector_identifier_uri',
  'skip_consent',
  'software_id',
  'software_statement',
  'software_version',
  'subject_type',
  'tos_uri',
  'userinfo_signed_response_alg',
] as const;

/** What is offered instead of some of these. */
const INSTEAD: Readonly<Partial<Record<(typeof NOT_OFFERED)[number], string>>> = {
  grant_types: `every client has ${GRANT_TYPES.join(' and ')}`,
  public: 'every client authenticates',
  scope: 'use scopes, a list',
};

/**
 * A body that refuses these members by name (422), so that whoever brings a registration from elsewhere learns what is not
 * here, and nothing is stored in vain. The document does not list them.
 */
export function RefusesWhatIsNotOffered(): ClassDecorator {
  return (target) => {
    for (const name of NOT_OFFERED) {
      registerDecorator({
        name: 'notOffered',
        target,
        propertyName: name,
        options: {},
        validator: { validate: (value) => value === undefined || refuse(name) },
      });
    }
  };
}

function refuse(field: (typeof NOT_OFFERED)[number]): never {
  const instead = INSTEAD[field];
  const message = `${field} is not offered yet${instead === undefined ? '' : `: ${instead}`}`;
  throw new UnprocessableEntityException({
    message,
    errors: [{ field, message, code: 'not_offered' }],
  });
}
