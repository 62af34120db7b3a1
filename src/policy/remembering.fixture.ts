import { pino } from 'pino';
import { Counter, Registry } from 'prom-client';
import { DecisionMemory, memoryLimits } from './decision-memory.js';
import { RememberedDecisions } from './remembered-decisions.service.js';

async function count(counter: Counter, label: string): Promise<number> {
  const { values } = await counter.get();
  return values.find(({ labels }) => Object.values(labels).includes(label))?.value ?? 0;
}

/**
 * What decides and remembers, with nothing remembered yet, and what it counts and logs.
 *
 * @param checkEvery how many remembered decisions there are to one that is made again
 * @param memory `null` where nothing is remembered
 */
export function remembering(
  checkEvery = 997,
  memory: DecisionMemory | null = new DecisionMemory(memoryLimits(1)),
) {
  const registers = [new Registry()];
  const sources = new Counter({ name: 'sources', help: '-', labelNames: ['source'], registers });
  const checks = new Counter({ name: 'checks', help: '-', labelNames: ['result'], registers });
  const logged: string[] = [];
  const logger = pino({ level: 'error' }, { write: (line: string) => void logged.push(line) });
  return {
    decisions: new RememberedDecisions(sources, checks, logger, memory, checkEvery),
    memory,
    /** How many decisions came from memory, or from Cedar. */
    from: (source: 'memory' | 'cedar') => count(sources, source),
    /** How many of those from memory were made again, and came out the same or not. */
    checked: (result: 'same' | 'different' | 'failed') => count(checks, result),
    logged,
  };
}
