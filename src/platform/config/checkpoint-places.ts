/** Storage that speaks S3. */
export interface S3Storage {
  /** With the bucket and what is in front of names, without a slash at its end. */
  readonly url: string;
  readonly region: string;
  readonly keyId: string;
  readonly keySecret: string;
}

/** A witness, which cosigns checkpoints (C2SP tlog-witness). */
export interface WitnessAddress {
  /** What is in front of `/add-checkpoint`. */
  readonly url: string;
  /** Its public keys (C2SP signed-note, "Verifier keys"). */
  readonly keys: readonly string[];
}

/** Where signed checkpoints are taken beside the database, as far as it is given. */
export interface CheckpointPlaces {
  /** An absolute path. */
  readonly directory: string | undefined;
  readonly s3: S3Storage | undefined;
  readonly witness: WitnessAddress | undefined;
}

/** The environment variables of {@link CheckpointPlaces}. */
export interface CheckpointPlaceVariables {
  readonly CHECKPOINT_DIRECTORY?: string;
  readonly CHECKPOINT_BUCKET_URL?: string;
  readonly CHECKPOINT_BUCKET_REGION: string;
  readonly CHECKPOINT_BUCKET_KEY_ID?: string;
  readonly CHECKPOINT_BUCKET_KEY_SECRET?: string;
  readonly CHECKPOINT_WITNESS_URL?: string;
  readonly CHECKPOINT_WITNESS_KEY?: string;
}

const S3_URL = /^https?:\/\/[^\s?#/@]+(?:\/[A-Za-z0-9._-]+)+$/;
const WITNESS_URL = /^https?:\/\/[^\s?#/@]+(?:\/[A-Za-z0-9._~-]+)*$/;
const VKEY = /^[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}$/;

/**
 * Reads where checkpoints are taken.
 *
 * @param problems receives one line for each mistake, without any value in it
 */
export function readCheckpointPlaces(
  variables: CheckpointPlaceVariables,
  problems: string[],
): CheckpointPlaces {
  return {
    directory: variables.CHECKPOINT_DIRECTORY,
    s3: readS3(variables, problems),
    witness: readWitness(variables, problems),
  };
}

function readS3(variables: CheckpointPlaceVariables, problems: string[]): S3Storage | undefined {
  const url = variables.CHECKPOINT_BUCKET_URL;
  const region = variables.CHECKPOINT_BUCKET_REGION;
  const keyId = variables.CHECKPOINT_BUCKET_KEY_ID;
  const keySecret = variables.CHECKPOINT_BUCKET_KEY_SECRET;
  if (url === undefined && keyId === undefined && keySecret === undefined) return undefined;
  if (url === undefined || keyId === undefined || keySecret === undefined) {
    problems.push(
      'CHECKPOINT_BUCKET_URL, CHECKPOINT_BUCKET_KEY_ID and CHECKPOINT_BUCKET_KEY_SECRET are set together, or none of them',
    );
    return undefined;
  }
  if (!S3_URL.test(url)) {
    problems.push('CHECKPOINT_BUCKET_URL must be like https://s3.example/bucket/prefix');
    return undefined;
  }
  return { url, region, keyId, keySecret };
}

function readWitness(
  { CHECKPOINT_WITNESS_URL: url, CHECKPOINT_WITNESS_KEY: key }: CheckpointPlaceVariables,
  problems: string[],
): WitnessAddress | undefined {
  if (url === undefined && key === undefined) return undefined;
  if (url === undefined || key === undefined) {
    problems.push(
      'CHECKPOINT_WITNESS_URL and CHECKPOINT_WITNESS_KEY are set together, or none of them',
    );
    return undefined;
  }
  const keys = key.split(/\s+/).filter((each) => each !== '');
  if (!WITNESS_URL.test(url)) {
    problems.push('CHECKPOINT_WITNESS_URL must be like https://witness.example/path');
    return undefined;
  }
  if (keys.length === 0 || !keys.every((each) => VKEY.test(each))) {
    problems.push('CHECKPOINT_WITNESS_KEY must be a vkey, as name+id+key');
    return undefined;
  }
  return { url, keys };
}
