import { createHash } from 'node:crypto';
import { parseCheckpoint, type Checkpoint } from '../../transparency-log/checkpoint.js';
import { leafHash } from '../../transparency-log/merkle-tree.js';
import type { NoteKey } from '../../transparency-log/note-key.js';
import { openNote } from '../../transparency-log/signed-note.js';
import { isIncluded } from '../../transparency-log/verify-proof.js';
import type { Sealed } from './prove-events.js';

/** What is proved of a zone; or in words why nothing is, and nothing may be signed. */
export type CheckedProof =
  | { readonly isProved: true; readonly ofZone: Checkpoint }
  | { readonly isProved: false; readonly why: string };

/**
 * Checks what was read before anything is signed for it: whoever can write to the database, and has no key, gets no receipt for
 * what was not sealed.
 *
 * @param key that of which this process has the private half: one that the database names would be anybody's
 */
export function checkProof(zoneId: string, sealed: Sealed, key: NoteKey): CheckedProof {
  const { body, note, index, hashes } = sealed.checkpoint;
  const opened = openNote(note, [key]);
  const signed = opened.isValid ? parseCheckpoint(opened.text) : null;
  if (signed?.origin !== key.name) return wrong('the checkpoint is not signed by the key');
  if (!isIncluded(leafHash(Buffer.from(body)), index, signed.size, hashes, signed.root)) {
    return wrong('the checkpoint of the zone is not in the signed one');
  }
  const ofZone = parseCheckpoint(body);
  if (ofZone?.origin !== `${key.name}/zones/${zoneId}`) {
    return wrong('the checkpoint is of another zone');
  }
  for (const { id, text, previousHash, hash, leaf, hashes: path } of sealed.events) {
    if (!createHash('sha256').update(previousHash).update(text).digest().equals(hash)) {
      return wrong(`event ${id} is not what was hashed`);
    }
    if (!isIncluded(leafHash(hash), leaf, ofZone.size, path, ofZone.root)) {
      return wrong(`event ${id} is not in the log`);
    }
  }
  return { isProved: true, ofZone };
}

function wrong(why: string): CheckedProof {
  return { isProved: false, why };
}
