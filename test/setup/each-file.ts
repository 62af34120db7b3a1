import { afterAll, inject } from 'vitest';
import { keepConnections } from './kept-connections.js';

// Runs before each file. What a module does when it is loaded is done once for all files of a worker.
afterAll(keepConnections(inject('serverUrl')));
