/** Errors of the system and of the driver by which a database cannot be used now, in words. */
const BY_CODE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection is refused',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ETIMEDOUT: 'it does not answer in time',
  ENOTFOUND: 'the name of its host is not known',
  EAI_AGAIN: 'the name of its host is not known now',
  EHOSTUNREACH: 'its host is out of reach',
  EHOSTDOWN: 'its host is out of reach',
  ENETUNREACH: 'its network is out of reach',
  ENOENT: 'its socket is not there',
  '25006': 'it is read-only',
  '40001': 'its tables are busy',
  '40P01': 'its tables are busy',
  '53300': 'it has no connection left',
  '55P03': 'its tables are busy',
  '57014': 'it does not answer in time',
};

/** The same by class of SQLSTATE. 57P03, which is a start or a stop, has words of its own. */
const BY_CLASS: readonly (readonly [state: RegExp, words: string])[] = [
  [/^08/, 'the connection was cut'],
  [/^53/, 'it has run out of something'],
  [/^57/, 'the connection was cut'],
  [/^58/, 'its system has failed'],
];

/** The same by message, where the driver gives no code. */
const BY_MESSAGE: readonly (readonly [message: RegExp, words: string])[] = [
  [
    /^(timeout exceeded when trying to connect|timeout expired|Query read timeout)/,
    'it does not answer in time',
  ],
  [/^Connection terminated due to connection timeout/, 'it does not answer in time'],
  [/^(Connection terminated|Client has encountered a connection error)/, 'the connection was cut'],
  // TypeORM's, for the statement after that: a runner is released when its connection breaks.
  [
    /^(Query runner already released|Database connection provided by a query runner was already released)/,
    'the connection was cut',
  ],
];

/** What PgBouncer says for itself: all under the code of a protocol violation. */
const BY_POOLER = '08P01';
const POOLER_WAITS: readonly (readonly [message: RegExp, words: string])[] = [
  [/^query_wait_timeout/, 'its pooler has no connection to it left'],
  [/^no more connections allowed/, 'its pooler takes no more connections'],
  [/login has been failing|server_login/, 'its pooler cannot connect to it'],
];
/** What it refuses for good, or passes on of PostgreSQL itself, under that code as well. */
const POOLER_REFUSES: readonly (readonly [message: RegExp, say: (words: string) => string])[] = [
  [
    /authentication failed|^no such user|^not allowed|\brole "[^"]*" does not exist/,
    (words) =>
      `the database does not let DATABASE_URL in: ${words}; correct the user and the password in it, or the users that its pooler knows`,
  ],
  [
    /^no such database|\bdatabase "[^"]*" does not exist/,
    (words) =>
      `the database that DATABASE_URL names is not there: ${words}; create it with createdb and let its pooler know it, or name another one`,
  ],
  [
    /^unsupported startup parameter/,
    (words) =>
      `the pooler that DATABASE_URL leads to does not take what is in it: ${words}; take that out of DATABASE_URL`,
  ],
];

/** Errors of TLS that no waiting mends. */
const NOT_TRUSTED = /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|UNABLE_TO_|CERT_|ERR_TLS_)/;

/**
 * Why the database cannot be used now, if waiting may help.
 *
 * @returns words that follow "the database does not answer yet: "; `null` for any other error
 */
export function outageOf(error: unknown): string | null {
  for (const one of withCauses(error)) {
    const code = codeOf(one);
    // "the database system is starting up", "… is shutting down", "… is in recovery mode"
    if (code === '57P03') return one.message;
    if (code === BY_POOLER) {
      const said = POOLER_WAITS.find(([message]) => message.test(one.message))?.[1];
      if (said !== undefined) return said;
    }
    const words =
      BY_CODE[code] ??
      BY_CLASS.find(([state]) => code.length === 5 && state.test(code))?.[1] ??
      BY_MESSAGE.find(([message]) => message.test(one.message))?.[1];
    if (words !== undefined) return words;
  }
  return null;
}

/** Where the words of the database are put into a sentence of ours. */
const REFUSALS: readonly (readonly [state: RegExp, say: (words: string) => string])[] = [
  [
    /^28/,
    (words) =>
      `the database does not let DATABASE_URL in: ${words}; correct the user and the password in it, or pg_hba.conf of the server`,
  ],
  [
    /^3D000$/,
    (words) =>
      `the database that DATABASE_URL names is not there: ${words}; create it with createdb, or name another one`,
  ],
  [
    /^42501$/,
    (words) =>
      `the user of DATABASE_URL lacks a right in the database: ${words}; make it the owner, with ALTER DATABASE name OWNER TO user`,
  ],
];

/**
 * Why the database will not be usable however long one waits: who asks, or what is asked for, is wrong.
 *
 * @returns a sentence with the remedy, without any secret in it; `null` for any other error
 */
export function refusalOf(error: unknown): string | null {
  for (const one of withCauses(error)) {
    const code = codeOf(one);
    // The messages name the user, the database and the host, never the password.
    const refused = POOLER_REFUSES.find(([message]) => message.test(one.message))?.[1];
    if (code === BY_POOLER && refused !== undefined) return refused(one.message);
    const refusal = REFUSALS.find(([state]) => code.length === 5 && state.test(code));
    if (refusal !== undefined) return refusal[1](one.message);
    if (NOT_TRUSTED.test(code)) {
      return `the database's certificate is not trusted (${code}); name the one that it is signed with, by sslrootcert in DATABASE_URL`;
    }
    if (one.message.startsWith('SASL:')) {
      return `the password in DATABASE_URL is missing or cannot be used: ${one.message}`;
    }
    if (one.message.startsWith('The server does not support SSL')) {
      return 'DATABASE_URL asks for TLS, which the database does not speak; take sslmode out of it, or switch TLS on there';
    }
  }
  return null;
}

/**
 * Whether there is no host of the name that `DATABASE_URL` has, by what the name servers say. That they cannot be
 * asked (`EAI_AGAIN`) is another thing.
 *
 * @returns a sentence with the remedy; `null` for any other error
 */
export function unknownHostOf(error: unknown): string | null {
  for (const one of withCauses(error)) {
    if (codeOf(one) !== 'ENOTFOUND') continue;
    const host: unknown = Reflect.get(one, 'hostname');
    return `there is no host ${typeof host === 'string' ? host : 'of the name'} that DATABASE_URL names; correct it, or start again when the name is known`;
  }
  return null;
}

/** An error, what it is wrapped around, and so on. */
function* withCauses(error: unknown): Generator<Error> {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; depth += 1) {
    yield at;
    at = Reflect.get(at, 'driverError') ?? at.cause;
  }
}

function codeOf(error: Error): string {
  const code: unknown = Reflect.get(error, 'code');
  return typeof code === 'string' ? code : '';
}
