import type { Command as Node } from 'commander';
import type { DirectCommand, SignerOptions } from './direct-command.js';
import { DIRECT } from './direct-options.js';

/** Adds the command that is a signer. */
export function addSigner(program: Node, run: (command: DirectCommand) => Promise<void>): void {
  program
    .command('signer')
    .helpGroup(DIRECT)
    .summary('sign for others, with keys that they do not have')
    .description(
      'Signs for others, with keys in sealed files or in a PKCS#11 device, until it is told to stop.',
    )
    .requiredOption('--socket <path>', 'the Unix socket that they ask at')
    .option('--keys <dir>', 'a directory of sealed files')
    .option('--pkcs11-module <path>', 'the module of a device instead')
    .option('--token <label>', 'the token in the device')
    .option('--pin-file <file>', 'a file with its PIN')
    .action((given: SignerGiven, node: Node) =>
      run({ name: 'signer', options: signerOptions(node, given) }),
    );
}

interface SignerGiven {
  readonly socket: string;
  readonly keys?: string;
  readonly pkcs11Module?: string;
  readonly token?: string;
  readonly pinFile?: string;
}
function signerOptions(node: Node, given: SignerGiven): SignerOptions {
  const { socket, keys, pkcs11Module: module, token, pinFile: pin } = given;
  if (module !== undefined && token !== undefined && pin !== undefined) {
    if (keys !== undefined) node.error('error: signer keeps keys in one place only');
    return { socket, keys: null, pkcs11: { module, token, pin } };
  }
  if ([module, token, pin].some((value) => value !== undefined) || keys === undefined) {
    node.error('error: signer needs --keys, or --pkcs11-module, --token and --pin-file');
  }
  return { socket, keys: keys ?? null, pkcs11: null };
}
