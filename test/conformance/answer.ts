/** What a server answered. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The members of a JSON object; none, if the body is something else. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly isObject: boolean;
  /** When, by the server's clock if it says so; seconds since the epoch. */
  readonly at: number;
}

/** Reads an answer. */
export async function readAnswer(response: Response): Promise<Answer> {
  const text = await response.text();
  const body = parseObject(text);
  const said = Date.parse(response.headers.get('date') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    body: body ?? {},
    isObject: body !== null,
    at: (Number.isNaN(said) ? Date.now() : said) / 1_000,
  };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    return { ...value };
  } catch {
    return null;
  }
}

/** Whether a token request succeeded. Other details of either answer are for checks of their own. */
export function isGranted({ status, body }: Answer): boolean {
  return status < 400 && !('error' in body);
}

/** The error code of an answer, or what there is instead. */
export function errorOf({ status, body }: Answer): string {
  const { error } = body;
  return typeof error === 'string' ? error : `no error (status ${status})`;
}

/** An answer in a few words, without tokens. */
export function describeAnswer(answer: Answer): string {
  if (isGranted(answer)) return `granted (${answer.status})`;
  const { error_description: description } = answer.body;
  const text = typeof description === 'string' ? ` "${description}"` : '';
  return `${answer.status} ${errorOf(answer)}${text}`;
}

/** The media type of an answer, in lower case, without parameters. */
export function mediaTypeOf({ headers }: Answer): string {
  return (headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}
