import type { KeyCustody } from '../platform/config/key-custody.js';
import { keyEncryptionsOf } from '../sealing/key-encryptions.js';
import { FileKeys } from '../keys/signer/file-keys.js';
import type { KeyStore } from '../keys/signer/key-store.js';
import { Pkcs11Keys } from '../keys/signer/pkcs11-keys.js';
import { startSigner } from '../keys/signer/signer-server.js';
import type { SignerOptions } from './direct-command.js';
import { CommandFailure } from './failure.js';
import { EXIT } from './command-result.js';

/**
 * `signer`: signs for others until SIGTERM or SIGINT.
 *
 * @param custody has the key-encryption key that seals the files: the signer's own, not the service's
 * @param environment the environment of the PKCS#11 module
 * @returns the exit code
 */
export async function runSigner(
  options: SignerOptions,
  custody: KeyCustody,
  environment: Readonly<Record<string, string>>,
): Promise<number> {
  const signer = await startSigner(
    options.socket,
    keysOf(options, custody, environment),
    writeLine,
  );
  writeLine(`signing on ${options.socket}`);
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  await signer.close();
  return EXIT.done;
}

function writeLine(what: string): void {
  process.stderr.write(`${what}\n`);
}

function keysOf(
  { keys, pkcs11 }: SignerOptions,
  custody: KeyCustody,
  environment: Readonly<Record<string, string>>,
): KeyStore {
  if (pkcs11 !== null) {
    const { module, token, pin } = pkcs11;
    return new Pkcs11Keys({ module, token, pinFile: pin, environment });
  }
  if (keys === null) throw new CommandFailure(EXIT.usage, 'signer needs --keys');
  if (custody.provider === 'env' && custody.key === undefined) {
    throw new CommandFailure(EXIT.usage, 'signer needs KEY_ENCRYPTION_KEY to seal its files');
  }
  return new FileKeys(keys, keyEncryptionsOf(custody));
}
