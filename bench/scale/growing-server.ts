import { rows } from '../../test/setup/databases.js';
import type { Replica } from '../../test/setup/harness.js';
import type { TestZone } from '../../test/setup/zone.js';
import type { Candidate } from '../candidates/candidate.js';
import { tokenKinds } from '../candidates/mandate-kinds.js';
import { startMandate } from '../candidates/mandate-process.js';
import { makeZone, type BenchZone } from '../candidates/mandate-zone.js';
import { startPostgres, type CandidatePostgres } from '../candidates/postgres.js';
import { newGatewayKey } from '../../test/setup/gateway.js';

/** Our server on a database that grows, started anew after it has grown. */
export class GrowingServer {
  readonly #gatewayKey = newGatewayKey();
  #replica: Replica | null = null;
  #bench: BenchZone | null = null;

  private constructor(
    private readonly main: string,
    readonly postgres: CandidatePostgres,
  ) {}

  /** Starts one with a zone and nothing else. */
  static async start(main: string, postgresServer?: string): Promise<GrowingServer> {
    const server = new GrowingServer(main, await startPostgres(postgresServer));
    const replica = await server.restart();
    server.#bench = await makeZone(replica);
    return server;
  }

  /** The zone, at the process of now. */
  get zone(): TestZone {
    return this.#zone().zone;
  }

  /** Ends the process and starts another, which has nothing in memory. */
  async restart(): Promise<Replica> {
    await this.#replica?.stop();
    const env = { GATEWAY_HMAC_KEY: this.#gatewayKey };
    this.#replica = await startMandate(this.postgres.url, { main: this.main, env });
    return this.#replica;
  }

  /** Bytes of the database on the disk. */
  async diskBytes(): Promise<number> {
    const [row] = await rows<{ bytes: string }>(
      this.postgres.url,
      'SELECT pg_database_size(current_database()) AS bytes',
    );
    return Number(row?.bytes);
  }

  /** What is measured: the process of now, with some of the kinds that have mandates issued. */
  async candidate(name: string, kinds: readonly string[]): Promise<Candidate> {
    const replica = this.#running();
    const usual = await tokenKinds(this.#zone(), this.#gatewayKey);
    return {
      name,
      port: Number(replica.ports[0]),
      pid: replica.pid,
      postgres: this.postgres,
      kinds: usual.filter((kind) => kinds.includes(kind.name)),
      stop: () => Promise.resolve(),
    };
  }

  async stop(): Promise<void> {
    await this.#replica?.stop();
    await this.postgres.stop();
  }

  #running(): Replica {
    if (this.#replica === null) throw new Error('the server was not started');
    return this.#replica;
  }

  #zone(): BenchZone {
    if (this.#bench === null) throw new Error('the server has no zone yet');
    return { ...this.#bench, zone: { ...this.#bench.zone, replica: this.#running() } };
  }
}
