import type { BundleAudit } from './bundle-audit.js';
import type { ReceiptQuestion } from './verify-receipts.js';

/** A command that asks no server for what is to be done, as its command line said it. */
export type DirectCommand =
  | { readonly name: 'dev' }
  | { readonly name: 'signer'; readonly options: SignerOptions }
  | (Format & MigrateCommand)
  | (Format & VerifyAuditCommand)
  | (Format & BundleAuditCommand)
  | (Format & VerifyReceiptCommand)
  | (Format & DrillCommand)
  | (Format & ServiceCommand);

/** How a command prints. */
export interface Format {
  /** As JSON, for programs; otherwise as text, for people. */
  readonly json: boolean;
}

/** `migrate`, which with `distribute` turns a database on Citus into a distributed one as well. */
export interface MigrateCommand {
  readonly name: 'migrate';
  readonly distribute: boolean;
}

/** `audit verify`, on the database or on a bundle. */
export interface VerifyAuditCommand {
  readonly name: 'verify-audit';
  /** `null` for all. */
  readonly zoneId: string | null;
  /** The file of a bundle; `null` for the database. */
  readonly bundle: string | null;
  /** Public keys of the log of the installation. */
  readonly keys: readonly string[];
  /** Files with checkpoints that were kept elsewhere. */
  readonly checkpoints: readonly string[];
}

/** `audit bundle`, on the database. */
export interface BundleAuditCommand extends BundleAudit {
  readonly name: 'bundle-audit';
}

/** `receipt verify`, on files. */
export interface VerifyReceiptCommand extends ReceiptQuestion {
  readonly name: 'verify-receipt';
}

/** `drill revocation`, which asks a running installation as others do. */
export interface DrillCommand {
  readonly name: 'drill';
  /** Without trailing slashes. `internalUrl`: where operators' routes are. */
  readonly url: string;
  readonly internalUrl: string;
  readonly zoneId: string | null;
  readonly count: number;
}

/** A command on the database of the service. */
export type ServiceCommand =
  | KeysCommand
  | AuthenticatorsCommand
  | PruneCommand
  | SendZoneCommand
  | ReceiveZoneCommand
  | { readonly name: 'reopen-admin-token' }
  | { readonly name: 'turn-off-two-person-rule' };

/** `zones send`: one step of sending a zone to another installation. */
export interface SendZoneCommand {
  readonly name: 'send-zone';
  /** Its id, or how it is called. */
  readonly zone: string;
  readonly step:
    | { readonly is: 'write'; readonly to: string; readonly output: string }
    | {
        readonly is: 'end';
        /** The file with the receipt. */
        readonly receipt: string;
        readonly vkeys: readonly string[];
        readonly output: string;
      }
    | { readonly is: 'cancel' };
}

/** `zones receive`: one step of receiving a zone from another installation. */
export interface ReceiveZoneCommand {
  readonly name: 'receive-zone';
  readonly step:
    | { readonly is: 'key'; readonly hours: number }
    | {
        readonly is: 'file';
        readonly file: string;
        readonly vkey: string;
        readonly output: string;
      }
    | { readonly is: 'receipt'; readonly zone: string; readonly output: string }
    | {
        readonly is: 'release';
        /** The file with the release. */
        readonly release: string;
        readonly vkeys: readonly string[];
      }
    | { readonly is: 'discard'; readonly zone: string };
}

/** `prune`: drops what is older than it has to be, or with `plan` only says what that is. */
export interface PruneCommand {
  readonly name: 'prune';
  readonly plan: boolean;
}

/** An `authenticators` command, on what people confirm with. */
export interface AuthenticatorsCommand {
  readonly name: 'renew';
  readonly zoneId: string | null;
}

/** A `keys` command, on the keys of the service. */
export type KeysCommand =
  | { readonly name: 'list'; readonly zoneId: string | null }
  | { readonly name: 'rotate'; readonly zoneId: string | null; readonly emergency: boolean }
  | { readonly name: 'rewrap'; readonly all: boolean }
  | { readonly name: 'verify' };

/** The options of a signer: it keeps its keys in sealed files, or in a PKCS#11 device. */
export interface SignerOptions {
  readonly socket: string;
  /** A directory for sealed files. */
  readonly keys: string | null;
  /** A PKCS#11 module, one of its tokens, and the file with its PIN. */
  readonly pkcs11: { readonly module: string; readonly token: string; readonly pin: string } | null;
}
