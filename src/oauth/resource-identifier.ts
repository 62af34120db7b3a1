/** An absolute URI without fragment (RFC 8707 2, RFC 3986 4.3), in the characters that a URI may have. */
const ABSOLUTE_URI =
  /^[a-zA-Z][a-zA-Z0-9+.-]*:(?:[a-zA-Z0-9\-._~:/?[\]@!$&'()*+,;=]|%[0-9a-fA-F]{2})+$/;
const MAX_LENGTH = 2_048;

/**
 * Whether a text can identify a resource. Identifiers are compared byte for byte, so nothing is
 * normalised here or anywhere.
 */
export function isResourceIdentifier(text: string): boolean {
  return text.length <= MAX_LENGTH && ABSOLUTE_URI.test(text);
}
