import { refuseOldNode } from './supported-node.js';

refuseOldNode();
const { start } = await import('./start.js');
await start();
