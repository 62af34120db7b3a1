/**
 * The name of the data source that operators have to themselves. Whatever holds up the connections that all
 * requests share, an operator who wants to end it still gets one.
 */
export const OPERATORS = 'operators';
