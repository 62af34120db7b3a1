import { HttpException } from '@nestjs/common';
import type { Request } from 'express';
import { readFormBody } from '../../platform/http/form-body.js';
import { MalformedForm, parseForm } from '../../oauth/form.js';

/** The forms of pages in the words of OpenAPI: pages fill them in, and nobody else has to know their fields. */
export const PAGE_FORM = {
  type: 'object' as const,
  additionalProperties: { type: 'string' as const },
};

/** The largest form of a page, in bytes: who sends it is not known before it is read. */
const MAX_BYTES = 16 * 1_024;

/**
 * Reads the form that a page sends.
 *
 * @param names the fields; others are ignored
 * @throws {HttpException} 400 for a malformed form, and what {@link readFormBody} throws
 */
export async function readPageForm<Name extends string>(
  request: Request,
  names: readonly Name[],
): Promise<Partial<Record<Name, string>>> {
  const body = await readFormBody(request, MAX_BYTES);
  try {
    const form = parseForm(body, new Set());
    const fields: Partial<Record<Name, string>> = {};
    for (const name of names) {
      const value = form.get(name)?.[0];
      if (value !== undefined) fields[name] = value;
    }
    return fields;
  } catch (error) {
    if (error instanceof MalformedForm) {
      throw new HttpException(`the form is malformed: ${error.message}`, 400, { cause: error });
    }
    throw error;
  }
}
