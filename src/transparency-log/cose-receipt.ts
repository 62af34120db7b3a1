import { CborTag, decodeCbor, encodeCbor, type Cbor, type CborMap } from './cbor.js';
import { HASH_BYTES } from './merkle-tree.js';
import { SIGNATURE_TYPES, verifies, type NoteKey, type NoteSigner } from './note-key.js';

/** Labels of COSE headers (RFC 9052 section 3.1, RFC 9597, RFC 9942 section 2). */
const LABEL = { alg: 1, kid: 4, cwtClaims: 15, vds: 395, vdp: 396 } as const;
/** Labels of claims (RFC 8392 section 4). */
const CLAIM = { iss: 1, sub: 2 } as const;
/** The tag of a COSE_Sign1 (RFC 9052 section 4.2). */
const SIGN1 = 18;
/** EdDSA (RFC 9053 section 2.2), here by Ed25519. */
const EDDSA = -8;
/** The tree of RFC 9162 with SHA-256, and its inclusion proofs (RFC 9942 section 5). */
const RFC9162_SHA256 = 1;
const INCLUSION = -1;
/** Our own labels: what is signed beside the root, and what nobody has signed here. */
const STATEMENT = 'mandate';
/** A tree is never higher. */
const MOST_HASHES = 63;

/** That a leaf is in a tree. */
export interface InclusionProof {
  readonly size: number;
  readonly index: number;
  /** From the hash beside the leaf to the one below the root. */
  readonly hashes: readonly Buffer[];
}

/** What a receipt says, and what goes with it. */
export interface ReceiptContent {
  /** Whose log it is (`iss`), and which entry (`sub`). */
  readonly issuer: string;
  readonly entry: string;
  /** What is signed together with the root: text. */
  readonly statement: string;
  readonly inclusion: InclusionProof;
  /** What goes with it unsigned, by names of ours: text that proves itself. */
  readonly beside: Readonly<Record<string, string>>;
}

/** A receipt whose form is right, and whose signature nobody has verified. */
export interface UnverifiedReceipt extends ReceiptContent {
  /** Four bytes, which say by which key of the issuer. */
  readonly keyId: Buffer;
  /** Exactly what was signed beside the root. */
  readonly protectedHeader: Buffer;
  readonly signature: Buffer;
}

/**
 * Signs a receipt of inclusion (RFC 9942 section 5.2): a COSE_Sign1 whose payload is the root of the tree, which is left out, since
 * whoever verifies it computes it.
 *
 * @param root of the tree that the proof leads to: 32 bytes
 */
export function signReceipt(content: ReceiptContent, root: Uint8Array, signer: NoteSigner): Buffer {
  const { issuer, entry, statement, inclusion, beside } = content;
  const claims = new Map<number, Cbor>([
    [CLAIM.iss, issuer],
    [CLAIM.sub, entry],
  ]);
  const protectedHeader = encodeCbor(
    new Map<number | string, Cbor>([
      [LABEL.alg, EDDSA],
      [LABEL.kid, signer.key.id],
      [LABEL.cwtClaims, claims],
      [LABEL.vds, RFC9162_SHA256],
      [STATEMENT, statement],
    ]),
  );
  const proof = encodeCbor([inclusion.size, inclusion.index, inclusion.hashes]);
  const unprotected = new Map<number | string, Cbor>([
    [LABEL.vdp, new Map<number, Cbor>([[INCLUSION, [proof]]])],
    ...Object.entries(beside),
  ]);
  const signature = signer.sign(toBeSigned(protectedHeader, root));
  return encodeCbor(new CborTag(SIGN1, [protectedHeader, unprotected, null, signature]));
}

/** Whether a key has signed a receipt of a tree with this root. */
export function isReceiptSignedBy(
  key: NoteKey,
  { issuer, keyId, protectedHeader, signature }: UnverifiedReceipt,
  root: Uint8Array,
): boolean {
  return (
    key.type === SIGNATURE_TYPES.ed25519 &&
    key.name === issuer &&
    key.id.equals(keyId) &&
    verifies(key, toBeSigned(protectedHeader, root), signature)
  );
}

/** What is signed (RFC 9052 section 4.4): never the text of a note, which begins with a letter. */
function toBeSigned(protectedHeader: Uint8Array, root: Uint8Array): Buffer {
  return encodeCbor(['Signature1', protectedHeader, Buffer.alloc(0), root]);
}

/** Reads a receipt of {@link signReceipt}, and verifies nothing. Null if it is none: also one with headers of others. */
export function parseReceipt(bytes: Uint8Array): UnverifiedReceipt | null {
  const sign1 = decodeCbor(bytes);
  if (!(sign1 instanceof CborTag) || sign1.tag !== SIGN1 || !isList(sign1.value)) return null;
  const [protectedHeader, unprotected, payload, signature, ...more] = sign1.value;
  if (!isBytes(protectedHeader) || !isMap(unprotected) || !isBytes(signature)) return null;
  if (payload !== null || more.length > 0) return null;
  const header = headerIn(decodeCbor(protectedHeader));
  const inclusion = inclusionIn(unprotected.get(LABEL.vdp));
  const beside = besideIn(unprotected);
  if (header === null || inclusion === null || beside === null) return null;
  return { ...header, inclusion, beside, protectedHeader, signature };
}

function headerIn(
  header: Cbor | undefined,
): Pick<UnverifiedReceipt, 'issuer' | 'entry' | 'statement' | 'keyId'> | null {
  if (!isMap(header) || header.size !== 5) return null;
  if (header.get(LABEL.alg) !== EDDSA || header.get(LABEL.vds) !== RFC9162_SHA256) return null;
  const [keyId, claims, statement] = [LABEL.kid, LABEL.cwtClaims, STATEMENT].map((label) =>
    header.get(label),
  );
  if (!isBytes(keyId) || !isMap(claims) || typeof statement !== 'string') return null;
  const [issuer, entry] = [claims.get(CLAIM.iss), claims.get(CLAIM.sub)];
  if (typeof issuer !== 'string' || typeof entry !== 'string' || claims.size !== 2) return null;
  return { issuer, entry, statement, keyId };
}

function inclusionIn(proofs: Cbor | undefined): InclusionProof | null {
  const list = isMap(proofs) && proofs.size === 1 ? proofs.get(INCLUSION) : null;
  if (!isList(list) || list.length !== 1 || !isBytes(list[0])) return null;
  const proof = decodeCbor(list[0]);
  if (!isList(proof) || proof.length !== 3) return null;
  const [size, index, path] = proof;
  if (typeof size !== 'number' || typeof index !== 'number' || !isList(path)) return null;
  const hashes = path.filter(isBytes).filter(({ length }) => length === HASH_BYTES);
  if (hashes.length !== path.length || hashes.length > MOST_HASHES) return null;
  return { size, index, hashes };
}

function besideIn(unprotected: CborMap): Record<string, string> | null {
  const others = [...unprotected].filter(([label]) => label !== LABEL.vdp);
  const texts = others.filter(
    (member): member is [string, string] =>
      typeof member[0] === 'string' && typeof member[1] === 'string',
  );
  return texts.length === others.length ? Object.fromEntries(texts) : null;
}

function isBytes(value: Cbor | undefined): value is Buffer {
  return Buffer.isBuffer(value);
}

function isMap(value: Cbor | undefined): value is CborMap {
  return value instanceof Map;
}

function isList(value: Cbor | undefined): value is readonly Cbor[] {
  return Array.isArray(value);
}
