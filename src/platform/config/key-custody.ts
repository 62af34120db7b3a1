import { decodeKey, looksWeak } from './key-material.js';

/** A key in the transit secrets engine of Vault or OpenBao. */
export interface VaultTransit {
  /** Such as `https://vault.example:8200`. */
  readonly address: string;
  /** A file with the token. It is read again for each call, so an agent may renew it. */
  readonly tokenFile: string;
  /** The path that the engine is mounted at, such as `transit`. */
  readonly mount: string;
  /** The name of a key of type `aes256-gcm96`. */
  readonly key: string;
}

/** The configuration of key custody: of the keys that seal what is in the database, and of those that sign. */
export interface KeyCustody {
  /** Which key-encryption key seals. Any other that is given only opens. */
  readonly provider: 'env' | 'vault';
  /** 32 bytes. Absent with a KMS, and in embedded mode, which generates one. */
  readonly key: Buffer | undefined;
  /** Where the sealing key is from, in words that begin a sentence, such as `KEY_ENCRYPTION_KEY (from /srv/.env)`. */
  readonly keyOrigin: string;
  /** What to do if it does not fit the database, in words that end a sentence. */
  readonly keyRemedy: string;
  /** 32 bytes that open what is sealed under them, and never seal. */
  readonly previousKey: Buffer | undefined;
  readonly vault: VaultTransit | undefined;
  /** Where new signing keys are generated. Existing ones sign where they were generated. */
  readonly signer: 'local' | 'socket';
  /** The Unix socket of a signer process. */
  readonly signerSocket: string | undefined;
}

/** The environment variables of {@link KeyCustody}. */
export interface KeyCustodyVariables {
  readonly DATABASE_URL?: string;
  readonly KEY_ENCRYPTION_KEY?: string;
  readonly KEY_ENCRYPTION_KEY_PREVIOUS?: string;
  readonly KEY_ENCRYPTION_PROVIDER: string;
  readonly VAULT_ADDR?: string;
  readonly VAULT_TOKEN_FILE?: string;
  readonly VAULT_TRANSIT_MOUNT: string;
  readonly VAULT_TRANSIT_KEY?: string;
  readonly SIGNER: string;
  readonly SIGNER_SOCKET?: string;
}

/**
 * Reads the configuration of key custody.
 *
 * @param keyOrigin where `KEY_ENCRYPTION_KEY` is from
 * @param problems receives one line for each mistake, without any value in it
 * @param opens whether anything that is sealed will be opened: a key has to be there for that
 */
export function readKeyCustody(
  variables: KeyCustodyVariables,
  keyOrigin: string,
  problems: string[],
  opens = true,
): KeyCustody {
  const provider = variables.KEY_ENCRYPTION_PROVIDER === 'vault' ? 'vault' : 'env';
  const signer = variables.SIGNER === 'socket' ? 'socket' : 'local';
  const key = readKey('KEY_ENCRYPTION_KEY', variables.KEY_ENCRYPTION_KEY, problems);
  const previousKey = readKey(
    'KEY_ENCRYPTION_KEY_PREVIOUS',
    variables.KEY_ENCRYPTION_KEY_PREVIOUS,
    problems,
  );
  if (
    opens &&
    provider === 'env' &&
    variables.KEY_ENCRYPTION_KEY === undefined &&
    variables.DATABASE_URL !== undefined
  ) {
    problems.push(
      'KEY_ENCRYPTION_KEY is required when DATABASE_URL is set; make one with: openssl rand -base64 32',
    );
  }
  if (key !== undefined && previousKey?.equals(key) === true) {
    problems.push('KEY_ENCRYPTION_KEY_PREVIOUS is the same key as KEY_ENCRYPTION_KEY');
  }
  if (signer === 'socket' && variables.SIGNER_SOCKET === undefined) {
    problems.push('SIGNER_SOCKET is required when SIGNER is socket');
  }
  const vault = readVault(variables, provider, problems);
  return {
    provider,
    key,
    keyOrigin: provider === 'vault' ? 'VAULT_TRANSIT_KEY' : keyOrigin,
    keyRemedy: 'give the one that it was sealed with, or another database',
    previousKey,
    vault,
    signer,
    signerSocket: variables.SIGNER_SOCKET,
  };
}

function readKey(name: string, text: string | undefined, problems: string[]): Buffer | undefined {
  if (text === undefined) return undefined;
  const key = decodeKey(text, 32);
  if (key === null) {
    problems.push(`${name} must be 32 bytes, in hex or base64`);
    return undefined;
  }
  if (looksWeak(key)) {
    problems.push(`${name} is not random; make one with: openssl rand -base64 32`);
    return undefined;
  }
  return key;
}

/** The KMS variables, all or none: a part of them is a mistake that would show only when a value is opened. */
function readVault(
  { VAULT_ADDR, VAULT_TOKEN_FILE, VAULT_TRANSIT_MOUNT, VAULT_TRANSIT_KEY }: KeyCustodyVariables,
  provider: 'env' | 'vault',
  problems: string[],
): VaultTransit | undefined {
  if (VAULT_ADDR === undefined && VAULT_TRANSIT_KEY === undefined && provider === 'env') {
    return undefined;
  }
  for (const [name, value] of Object.entries({ VAULT_ADDR, VAULT_TOKEN_FILE, VAULT_TRANSIT_KEY })) {
    if (value === undefined) problems.push(`${name} is required to use a key in Vault`);
  }
  return {
    address: VAULT_ADDR ?? '',
    tokenFile: VAULT_TOKEN_FILE ?? '',
    mount: VAULT_TRANSIT_MOUNT,
    key: VAULT_TRANSIT_KEY ?? '',
  };
}
