import type { AskedLabels, SeenClient } from '../../ledger/entry.js';
import { orUnavailable } from '../../oauth/errors.js';
import { isUuid } from '../../oauth/vocabulary.js';
import type { ClientView } from './client-view.js';

/** Where clients are looked up, and the labels that they have. */
export interface ClientDirectory {
  findIn(zoneId: string, id: string): Promise<ClientView | null>;
  reservedLabels(
    zoneId: string,
    clientId: string,
    labels: readonly string[],
  ): Promise<readonly string[]>;
}

/**
 * The clients of a zone as one evaluation has seen them: each in one state, which is kept for the commit to compare.
 * A refusal rests on them as well, so this is apart from what the stages hand on.
 */
export class SeenClients {
  private readonly views = new Map<string, ClientView | null>();
  private asked: AskedLabels | undefined;

  /** @param first the client that asks */
  constructor(
    private readonly zoneId: string,
    first: ClientView,
    private readonly directory: ClientDirectory,
  ) {
    this.views.set(first.id, first);
  }

  /** What was seen, for the commit. */
  get seen(): readonly SeenClient[] {
    return [...this.views].map(([id, view]) => ({ id, version: view?.version ?? null }));
  }

  /** What was asked about labels, for the commit. */
  get askedLabels(): AskedLabels | undefined {
    return this.asked;
  }

  /**
   * A client of the zone.
   *
   * @returns `null` if there is none
   * @throws {OAuthError} temporarily_unavailable
   */
  async find(id: string): Promise<ClientView | null> {
    const known = this.views.get(id);
    if (known !== undefined || !isUuid(id)) return known ?? null;
    const view = await orUnavailable('client', this.directory.findIn(this.zoneId, id));
    // Whoever else looked it up meanwhile may have seen another state.
    const first = this.views.get(id);
    if (first !== undefined) return first;
    this.views.set(id, view);
    return view;
  }

  /** The generation of a client that was looked up; `null` for one that was not, or is not there. */
  generationOf(id: string): number | null {
    return this.views.get(id)?.generation ?? null;
  }

  /**
   * The first of some clients that is disabled, or not there.
   *
   * @throws {OAuthError} temporarily_unavailable
   */
  async firstDisabled(ids: Iterable<string>): Promise<string | undefined> {
    for (const id of ids) {
      const view = await this.find(id);
      if (view?.disabled !== false) return id;
    }
    return undefined;
  }

  /**
   * The labels of an agent: its client's own, and those of its agent session, without the ones that operators have
   * given to other clients since. Applications label their agent sessions themselves, and policies trust labels.
   *
   * @param labels those of the agent session
   * @throws {OAuthError} temporarily_unavailable
   */
  async labelsOfAgent(clientId: string, labels: readonly string[]): Promise<string[]> {
    const own = (await this.find(clientId))?.labels ?? [];
    const others = [...new Set(labels)].filter((label) => !own.includes(label));
    if (others.length === 0) return [...new Set(own)];
    const reserved = await orUnavailable(
      'labels',
      this.directory.reservedLabels(this.zoneId, clientId, others),
    );
    this.asked = { client_id: clientId, labels: others, reserved };
    return [...new Set([...own, ...others.filter((label) => !reserved.includes(label))])];
  }
}
