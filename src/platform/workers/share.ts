/**
 * What one worker may have of something that there is so much of for the whole replica.
 *
 * @param least what it has in any case: it could not work with less
 */
export function shareOf(total: number, workers: number, least = 1): number {
  return Math.max(Math.min(total, least), Math.floor(total / workers));
}
