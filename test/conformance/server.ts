import { describeAnswer, isGranted, type Answer } from './answer.js';
import { methodOf } from './client-authentication.js';
import {
  missingSettings,
  type Configuration,
  type Parameters,
  type TokenSource,
} from './configuration.js';
import type { Endpoints } from './discovery.js';
import { sendTokenRequest, type Sending } from './token-request.js';
import { decodeToken, issuerToken, type DecodedToken } from './tokens.js';
import { Blocked, NotApplicable } from './verdict.js';
import type { OptionalGrant } from './requirements/requirement.js';
import {
  CLIENT_CREDENTIALS,
  JWT_BEARER_GRANT,
  TOKEN_EXCHANGE,
  tokenType,
  UNKNOWN,
} from './vocabulary.js';

/** The server that is tried: sends requests to it, and remembers the answers that many checks look at. */
export class Server {
  readonly #remembered = new Map<string, Promise<unknown>>();

  constructor(
    readonly configuration: Configuration,
    readonly endpoints: Endpoints,
    readonly ask: typeof fetch,
  ) {}

  /** Whatever `find` finds, looked for once in a run. */
  once<T>(name: string, find: () => Promise<T>): Promise<T> {
    const known = this.#remembered.get(name) ?? find();
    this.#remembered.set(name, known);
    return known as Promise<T>;
  }

  /** Sends a token request with these parameters and the credentials of the client. */
  send(parameters: Parameters, sending: Sending = {}): Promise<Answer> {
    const client = sending.client === undefined ? this.configuration.client : sending.client;
    return sendTokenRequest(this.ask, this.endpoints, parameters, { ...sending, client });
  }

  /** A token exchange that is to be granted, with some parameters changed; `undefined` takes one away. */
  async exchange(changes: Parameters = {}, sending?: Sending): Promise<Answer> {
    const { configuration } = this;
    return this.send(
      {
        grant_type: TOKEN_EXCHANGE,
        subject_token: await this.subjectToken(),
        subject_token_type: this.subjectTokenType(),
        ...this.#target(),
        ...configuration.parameters,
        ...changes,
      },
      sending,
    );
  }

  /** A request for client credentials (RFC 6749 4.4), with some parameters changed. */
  clientCredentials(changes: Parameters = {}, sending?: Sending): Promise<Answer> {
    const { parameters } = this.configuration;
    const base = { grant_type: CLIENT_CREDENTIALS, ...this.#target(), ...parameters };
    return this.send({ ...base, ...changes }, sending);
  }

  /** A token request of whatever kind this server grants: a token exchange if it can be, else client credentials. */
  async request(changes: Parameters = {}, sending?: Sending): Promise<Answer> {
    return (await this.requestsAreExchanges())
      ? this.exchange(changes, sending)
      : this.clientCredentials(changes, sending);
  }

  /**
   * The answer to {@link request} as it stands.
   *
   * @throws {Blocked} if it was refused, since nothing can be concluded then from what else is refused
   */
  granted(): Promise<Answer> {
    return this.once('granted', async () =>
      grantedOr(await this.request(), 'the request that has to succeed'),
    );
  }

  /**
   * The answer to {@link exchange} as it stands.
   *
   * @throws {NotApplicable} if the server does not know the grant
   * @throws {Blocked} if it was refused
   */
  async exchanged(): Promise<Answer> {
    const answer = await this.firstExchange();
    if (!(await this.takesExchanges())) throw new NotApplicable('no token exchange');
    return grantedOr(answer, 'the token exchange that has to succeed');
  }

  /** The answer to the first token exchange, whatever it is. */
  firstExchange(): Promise<Answer> {
    return this.once('exchange', () => this.exchange());
  }

  /** Whether the server knows the grant of a token exchange, which it says even if there is no token to exchange. */
  async takesExchanges(): Promise<boolean> {
    const answer = this.#hasSubject() ? this.firstExchange() : this.#emptyExchange();
    return (await answer).body['error'] !== 'unsupported_grant_type';
  }

  /** Whether the server knows a grant that it need not know. */
  async takes(grant: OptionalGrant): Promise<boolean> {
    if (grant === 'token exchange') return this.takesExchanges();
    return (await this.noJwtAsGrant()).body['error'] !== 'unsupported_grant_type';
  }

  /** The answer to what is no JWT as authorization grant (RFC 7523 2.1). */
  noJwtAsGrant(): Promise<Answer> {
    return this.once('no JWT as grant', () => this.jwtGrant(UNKNOWN.token));
  }

  /** A request with a JWT as authorization grant (RFC 7523 2.1). */
  jwtGrant(assertion: string): Promise<Answer> {
    const { parameters } = this.configuration;
    const base = { grant_type: JWT_BEARER_GRANT, ...this.#target(), ...parameters };
    return this.send({ ...base, assertion });
  }

  /** Whether {@link request} is a token exchange. */
  async requestsAreExchanges(): Promise<boolean> {
    return this.#hasSubject() && this.takesExchanges();
  }

  /** The answer to a token exchange with an actor token. */
  delegated(): Promise<Answer> {
    return this.once('delegated', async () => {
      await this.exchanged();
      const answer = await this.exchange(await this.actor());
      return grantedOr(answer, 'the token exchange with an actor token');
    });
  }

  /** The parameters that name the actor. */
  async actor(): Promise<{ actor_token: string; actor_token_type: string }> {
    const { actor_token: source = '', actor_token_type: type } = this.configuration;
    const token = await this.once('actor token', () => this.#tokenFrom(source));
    return { actor_token: token, actor_token_type: type ?? tokenType('access_token') };
  }

  /** The subject token of the run. */
  subjectToken(): Promise<string> {
    const { subject_token: source, trusted_issuer: issuer } = this.configuration;
    return this.once('subject token', () => {
      if (source !== undefined) return this.#tokenFrom(source);
      if (issuer !== undefined) return issuerToken(issuer);
      throw new Error('no subject token is configured');
    });
  }

  /** What the subject token of the run is. */
  subjectTokenType(): string {
    const { subject_token: source, subject_token_type: type, ...rest } = this.configuration;
    if (type !== undefined) return type;
    if (source !== undefined) return tokenType('access_token');
    return rest.trusted_issuer?.subject_token_type ?? tokenType('jwt');
  }

  /**
   * The access token of an answer as JWT.
   *
   * @throws {NotApplicable} if it is none
   */
  decoded(answer: Answer): DecodedToken {
    const token = decodeToken(answer.body['access_token']);
    if (token === null) throw new NotApplicable('the issued token is no JWT');
    return token;
  }

  /** How the client authenticates. */
  get method(): string {
    return methodOf(this.configuration.client);
  }

  #target(): Parameters {
    const { resource, audience, scope } = this.configuration;
    return { resource, audience: resource === undefined ? audience : undefined, scope };
  }

  #hasSubject(): boolean {
    return missingSettings(this.configuration, ['subject_token']).length === 0;
  }

  #emptyExchange(): Promise<Answer> {
    const token = { subject_token: UNKNOWN.token, subject_token_type: tokenType('access_token') };
    return this.once('empty exchange', () => this.send({ grant_type: TOKEN_EXCHANGE, ...token }));
  }

  async #tokenFrom(source: TokenSource): Promise<string> {
    if (typeof source === 'string') return source;
    const { client = this.configuration.client, parameters } = source;
    const answer = await this.send(parameters, { client });
    const { access_token: token } = answer.body;
    if (typeof token === 'string') return token;
    throw new Blocked(`the request for a subject or actor token: ${describeAnswer(answer)}`);
  }
}

function grantedOr(answer: Answer, what: string): Answer {
  if (isGranted(answer)) return answer;
  throw new Blocked(`${what} was refused: ${describeAnswer(answer)}`);
}
