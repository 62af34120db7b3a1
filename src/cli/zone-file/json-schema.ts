import { z } from 'zod';
import { ZONE_FILE } from './format.js';

/** Where editors find the schema. */
export const SCHEMA_ID = 'https://mandate.example/schema/zone-v1.json';

/** The JSON Schema (draft 2020-12) of a document of a zone file, for editors. `mandate schema` prints it from `assets`. */
export function zoneFileSchema(): object {
  return {
    ...z.toJSONSchema(ZONE_FILE, { target: 'draft-2020-12' }),
    $id: SCHEMA_ID,
    title: 'A zone of Mandate, as a file',
  };
}
