import { CommandFailure } from '../failure.js';
import { EXIT } from '../command-result.js';
import { isObject, listOf, objectOf, textOf } from './json.js';

type ExitCode = CommandFailure['code'];

/** What the server answered instead of what was asked for. */
export class Refusal extends CommandFailure {
  constructor(
    readonly status: number,
    /** The server's code, such as `not_found`. */
    readonly error: string,
    code: ExitCode,
    message: string,
    hint: string | null,
  ) {
    super(code, message, hint);
  }
}

/**
 * Reads an answer that is no success.
 *
 * @param who the method and path that were asked for, for messages
 */
export function refusalOf(status: number, body: unknown, what: string): Refusal {
  const answer = objectOf(body);
  const error = textOf(answer, 'error');
  const approval = textOf(objectOf(answer['approval']), 'id');
  const { code, hint } = meaningOf(status, textOf(answer, 'permission'), approval);
  const description = textOf(answer, 'error_description') || textOf(answer, 'detail');
  const fields = listOf(answer['errors']).flatMap((each) => {
    if (!isObject(each)) return typeof each === 'string' ? [each] : [];
    const field = textOf(each, 'field') || textOf(each, 'pointer');
    const why = textOf(each, 'message') || textOf(each, 'detail') || textOf(each, 'description');
    // Many sentences name their field themselves.
    return [
      why.startsWith(`${field} `) ? why : [field, why].filter((part) => part !== '').join(': '),
    ];
  });
  // The fields' own sentences say more, unless the description has them already.
  const more = fields.filter((each) => each !== '' && !description.includes(each));
  const said = [description || `the server answered ${status} to ${what}`, ...more].join('\n  ');
  const requestId = textOf(answer, 'requestId') || textOf(answer, 'request_id');
  const traced = requestId === '' ? said : `${said} (request ${requestId})`;
  return new Refusal(
    status,
    error,
    code,
    status >= 500 || description === '' ? traced : said,
    hint,
  );
}

function meaningOf(
  status: number,
  permission: string,
  approval: string,
): { code: ExitCode; hint: string | null } {
  switch (status) {
    case 401:
      return {
        code: EXIT.refused,
        hint: 'the server does not take this token: is it for another installation, or has it expired? MANDATE_TOKEN, MANDATE_TOKEN_FILE or --token-file give another',
      };
    case 403:
      return {
        code: EXIT.refused,
        hint:
          permission === ''
            ? null
            : `the operator of this token lacks the permission ${permission}`,
      };
    case 404:
      return { code: EXIT.missing, hint: null };
    case 409:
      return { code: EXIT.conflict, hint: null };
    case 412:
      return {
        code: EXIT.conflict,
        hint: 'somebody else changed it in between, or it never was as --if-match says: look at it with show, and try again',
      };
    case 428:
      return {
        code: EXIT.waiting,
        hint:
          approval === ''
            ? null
            : `it waits for a second operator, as approval ${approval}: do the same again once that is approved`,
      };
    case 429:
    case 503:
    case 502:
    case 504:
      return { code: EXIT.impossible, hint: 'the server is busy or starting: try again later' };
    default:
      return { code: status >= 500 ? EXIT.impossible : EXIT.invalid, hint: null };
  }
}
