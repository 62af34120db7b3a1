import { afterAll, inject } from 'vitest';
import { askAtShards } from './zone-database.js';
import { keepConnections } from './kept-connections.js';

// Runs before each file. What a module does when it is loaded is done once for all files of a worker.
askAtShards(inject('nodeUrls'));
afterAll(keepConnections(inject('serverUrl'), inject('nodeUrls')));
