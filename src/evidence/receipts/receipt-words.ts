import {
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../oauth/strict-json.js';

/** Puts what receipts say in words, a line each. */
export function inWords(statements: readonly JsonObject[]): string[] {
  return statements.flatMap((statement) => {
    switch (statement['type']) {
      case 'issued':
        return issuedInWords(statement);
      case 'confirmation':
        return [confirmationInWords(statement)];
      case 'revocation':
        return [
          `taken back at ${word(statement['at'])} by ${whoTookBack(statement)}${withWhat(statement)}`,
        ];
      default:
        return [
          `${word(statement['what'])} at ${word(statement['at'])}: ${word(statement['outcome'])}`,
        ];
    }
  });
}

function issuedInWords(statement: JsonObject): string[] {
  const mandate = objectIn(statement['mandate']);
  const policy = objectIn(statement['policy']);
  const version = `version ${word(policy['policy_set_version_id'])} of the policy set, SHA-256 ${word(policy['manifest_sha256'])}`;
  const decisions = listIn(policy['decisions']).map(objectIn);
  const { challenge_id: challenge } = statement;
  return [
    `mandate ${word(mandate['jti'])} was issued at ${word(statement['at'])}`,
    `to client ${word(statement['client_id'])}, about ${who(mandate)}, until ${moment(mandate['exp'])}`,
    ...(statement['partial'] === true ? ['of it, what is of resources of its reader:'] : []),
    `for ${words(mandate['target'])}; scope ${words(mandate['scope'])}`,
    ...decisions.map(
      (one) =>
        `${word(one['decision'])} for ${word(one['resource'])} by ${words(one['policies'])}, ${version}`,
    ),
    `on the authority of ${authorityOf(statement)}`,
    ...(challenge === undefined ? [] : [`on a confirmation: challenge ${word(challenge)}`]),
  ];
}

function authorityOf(statement: JsonObject): string {
  const { subject_token: subject, actor_token: actor } = statement;
  if (!isJsonObject(subject)) return 'the client itself';
  const of = tokenInWords(subject);
  return isJsonObject(actor) ? `${of}, with ${tokenInWords(actor)} as actor` : of;
}

function tokenInWords(token: JsonObject): string {
  return token['jti'] === undefined ? who(token) : `token ${word(token['jti'])} of ${who(token)}`;
}

function confirmationInWords(statement: JsonObject): string {
  const { person, by, decision, method, at } = statement;
  const someone = by === 'operator' ? 'an operator' : 'somebody with the link';
  const name = isJsonObject(person) ? who(person) : someone;
  return `${name} ${word(decision)} it by ${word(method)} at ${word(at)}`;
}

function whoTookBack({ by, client_id: client }: JsonObject): string {
  return by === 'client' ? `client ${word(client)}` : 'an operator';
}

function withWhat({ target }: JsonObject): string {
  return target === undefined ? '' : `, with all of ${word(target)}`;
}

function who(token: JsonObject): string {
  const issuer = token['sub_iss'] ?? token['iss'];
  return issuer === undefined ? word(token['sub']) : `${word(token['sub'])} of ${word(issuer)}`;
}

function moment(value: JsonValue | undefined): string {
  return typeof value === 'number' && Math.abs(value) < 8.64e12
    ? new Date(value * 1_000).toISOString()
    : word(value);
}

function words(value: JsonValue | undefined): string {
  const list = listIn(value).map(word);
  return list.length === 0 ? 'nothing' : list.join(', ');
}

function word(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '?' : JSON.stringify(value);
}

function objectIn(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function listIn(value: JsonValue | undefined): readonly JsonValue[] {
  return value !== undefined && isJsonArray(value) ? value : [];
}
