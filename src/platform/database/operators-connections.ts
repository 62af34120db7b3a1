/**
 * The name of the data source on which operators change things. Whatever holds up the connections that all
 * requests share, an operator who wants to end it still gets one.
 *
 * What takes a connection of it for longer than one short read waits for a turn before (`audited-changes.service.ts`).
 */
export const OPERATORS = 'operators';

/** The name of the data source on which operators look at things: slow queries are in the way of each other only. */
export const OPERATORS_READING = 'operators reading';
