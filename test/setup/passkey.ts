import { createHash, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isoCBOR } from '@simplewebauthn/server/helpers';

/** The flags of authenticator data: the person is there; is verified; there is a new credential. */
export const UP = 0x01;
const UV = 0x04;
const ATTESTED = 0x40;

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest();

/** What a passkey signs, and what is to be different about it. */
interface Signing {
  /** The nonce that the page gives. */
  readonly of: Buffer;
  readonly origin?: string;
  readonly flags?: number;
  /** The number of signatures so far. */
  readonly count?: number;
}

/** A passkey of software for one site: ES256, without attestation. */
export function newPasskey({ rpId, origin: site }: { rpId: string; origin: string }) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = createPublicKey(
    publicKey.export({ type: 'spki', format: 'pem' }),
  ).export({
    format: 'jwk',
  });
  const id = randomBytes(16);
  const cose = new Map<number, number | Uint8Array>([
    [1, 2],
    [3, -7],
    [-1, 1],
    [-2, Uint8Array.from(Buffer.from(x, 'base64url'))],
    [-3, Uint8Array.from(Buffer.from(y, 'base64url'))],
  ]);
  const data = (flags: number, count: number, more = Buffer.alloc(0)) => {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(count);
    return Buffer.concat([sha256(rpId), Buffer.from([flags]), counter, more]);
  };
  const client = (type: string, of: Buffer, origin: string) =>
    Buffer.from(JSON.stringify({ type, challenge: of.toString('base64url'), origin }));
  return {
    id: id.toString('base64url'),
    registration({ of, origin = site, flags = UP | UV }: Signing): string {
      const key = Buffer.from(isoCBOR.encode(cose));
      const attested = Buffer.concat([Buffer.alloc(16), Buffer.from([0, id.length]), id, key]);
      const attestation = new Map<string, unknown>([
        ['fmt', 'none'],
        ['attStmt', new Map()],
        ['authData', Uint8Array.from(data(flags | ATTESTED, 0, attested))],
      ]);
      return JSON.stringify({
        id: id.toString('base64url'),
        response: {
          clientDataJSON: client('webauthn.create', of, origin).toString('base64url'),
          attestationObject: Buffer.from(
            isoCBOR.encode(attestation as Parameters<typeof isoCBOR.encode>[0]),
          ).toString('base64url'),
        },
      });
    },
    assertion({ of, origin = site, flags = UP | UV, count = 1 }: Signing): string {
      const signed = data(flags, count);
      const clientData = client('webauthn.get', of, origin);
      const signature = sign('sha256', Buffer.concat([signed, sha256(clientData)]), privateKey);
      return JSON.stringify({
        id: id.toString('base64url'),
        response: {
          clientDataJSON: clientData.toString('base64url'),
          authenticatorData: signed.toString('base64url'),
          signature: signature.toString('base64url'),
        },
      });
    },
  };
}
