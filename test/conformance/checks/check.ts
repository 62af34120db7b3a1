import type { Server } from '../server.js';

/**
 * Tries one requirement: returns if the server meets it.
 *
 * @throws {Unmet} if it does not
 * @throws {NotApplicable} if the requirement is about something that it does not do
 * @throws {Blocked} if that could not be found out
 */
export type Check = (server: Server) => Promise<void>;
