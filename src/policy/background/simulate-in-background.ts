import { Background, BackgroundFailure } from './background.js';
import {
  type BatchSimulation,
  type BatchSimulationRequest,
  type Simulation,
  type SimulationRequest,
  SimulationTooLarge,
} from '../engine/simulation.js';

/** Thrown when too many simulations wait already. */
export class SimulationBusy extends Error {
  override readonly name = 'SimulationBusy';
}

/**
 * The thread for simulations: apart from all other work, because policies of any author run on it, and a single
 * one, so that it takes no more than one processor, at a low priority where the system has such (Linux).
 */
const simulator = new Background({ timeMs: 10_000, memoryMb: 256, queued: 16 });

/**
 * Simulates as `simulate` and `simulateEach` do, on another thread, which is ended when it takes more
 * than 10 s (a stored set of 10,000 policies takes half of it) or too much memory.
 *
 * @param on the thread, with its limits
 * @throws {UncompilablePolicy}
 * @throws {ManifestMismatch}
 * @throws {SimulationTooLarge} if it exceeds a limit, as it would again
 * @throws {SimulationBusy} if too many wait now
 */
export async function simulateInBackground(
  request: SimulationRequest,
  on?: Background,
): Promise<Simulation>;
export async function simulateInBackground(
  request: BatchSimulationRequest,
  on?: Background,
): Promise<BatchSimulation>;
export async function simulateInBackground(
  request: SimulationRequest | BatchSimulationRequest,
  on = simulator,
): Promise<Simulation | BatchSimulation> {
  try {
    // Awaited here, so that errors are caught here.
    return 'inputs' in request
      ? await on.run('simulateEach', request)
      : await on.run('simulate', request);
  } catch (error) {
    throw error instanceof BackgroundFailure ? simulationError(error) : error;
  }
}

function simulationError(error: BackgroundFailure): Error {
  const { reason, message } = error;
  if (reason === 'busy') return new SimulationBusy(message, { cause: error });
  if (reason === 'lost') return error;
  return new SimulationTooLarge(reason, message, { cause: error });
}
