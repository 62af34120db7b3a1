import { isObject, textOf } from '../api/json.js';
import type { JsonObject, JsonValue } from '../../oauth/strict-json.js';
import { ask, readAll, type Api } from './api.js';
import { activate, deletePolicies, setPolicySchema, writePolicy } from './apply-policies.js';
import { memberOf, type Item, type Noun } from './field.js';
import { logoUri } from './logo-file.js';
import { CLIENTS } from './nouns/client-noun.js';
import { nounOf } from './nouns/nouns.js';
import { ZONE } from './nouns/zone-noun.js';
import type { Plan, Step } from './plan.js';
import { bodyOf, type Installed } from './request-body.js';
import { SecretValues } from './secret-values.js';

/** A secret that was drawn: whoever is told keeps it, or nobody has it. */
export interface DrawnSecret {
  readonly zone: string;
  /** Such as `client`. */
  readonly noun: string;
  readonly name: string;
  readonly id: string;
  readonly secret: string;
}

/** Who is told while a plan is carried out. */
export interface Listener {
  /** What was done. */
  done(step: Step, zone: string): void;
  /** Is done when the secret is where it is to be. */
  keep(secret: DrawnSecret): Promise<void>;
}

/** Thrown when a step failed. What was done before stays done. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';

  constructor(
    readonly step: Step,
    /** How many steps were done before it. */
    readonly done: number,
    override readonly cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause));
  }
}

/**
 * Carries out a plan, step by step. Whatever the plan has read and that is otherwise by now stops it.
 *
 * @throws {StepFailed}
 */
export async function applyPlan(
  api: Api,
  plan: Plan,
  secrets: SecretValues,
  listener: Listener,
): Promise<void> {
  const work = new Work(api, plan, secrets, listener);
  for (const [done, step] of plan.steps.entries()) {
    try {
      await work.carryOut(step);
    } catch (cause) {
      throw new StepFailed(step, done, cause);
    }
    listener.done(step, plan.zone);
  }
}

type WriteStep = Extract<Step, { readonly do: 'create' | 'change' }>;

/** What is known of the installation while a plan is carried out. */
class Work {
  private readonly installed: Installed;
  /** The ids of what was made or changed, and how it is named in `If-Match` by now. */
  private readonly made = new Map<string, { readonly id: string; readonly etag: string | null }>();
  private readonly versions = new Map<string, string>();
  private zoneId: string | null;

  constructor(
    private readonly api: Api,
    private readonly plan: Plan,
    private readonly secrets: SecretValues,
    private readonly listener: Listener,
  ) {
    this.zoneId = plan.zoneId;
    this.installed = { issuer: plan.issuer, clients: new Map(plan.clients) };
  }

  async carryOut(step: Step): Promise<void> {
    switch (step.do) {
      case 'create':
      case 'change':
        return this.write(step);
      case 'delete': {
        const { path } = nounOf(step.section);
        const gone = `${this.at()}/${path}/${encodeURIComponent(step.read.id)}`;
        await ask(this.api, 'DELETE', gone, { ifMatch: step.read.etag });
        return undefined;
      }
      case 'add secret':
        return this.addSecret(step);
      case 'change secret':
        return this.setExpiry(
          this.installed.clients.get(step.name) ?? '',
          step.read,
          step.expiresAt,
        );
      case 'set policy schema':
        return setPolicySchema(this.api, this.at(), step);
      case 'write policy': {
        const version = await writePolicy(this.api, this.at(), step, this.names());
        this.versions.set(step.name, version);
        return undefined;
      }
      case 'activate':
        return activate(this.api, this.at(), step, this.versions);
      case 'delete policies':
        return deletePolicies(this.api, this.at(), step);
      default:
        return step satisfies never;
    }
  }

  private at(): string {
    if (this.zoneId === null) throw new Error('the zone has not been made');
    return `zones/${this.zoneId}`;
  }

  private names() {
    const { issuer, clients } = this.installed;
    return { zone: { id: this.zoneId ?? '', issuer: issuer ?? '' }, clients };
  }

  private async write(planned: WriteStep): Promise<void> {
    const { section, name } = planned;
    const noun = section === ZONE.section ? ZONE : nounOf(section);
    const born = planned.do === 'create' && noun.isBornWith?.(name) === true;
    const step: WriteStep = born ? { ...planned, do: 'change' } : planned;
    const known = born
      ? await this.findBorn(noun, name)
      : (step.read ?? this.made.get(keyOf(section, name)) ?? null);
    const body = await this.bodyFor(noun, step);
    const { method, path } = requestFor(
      noun,
      this.zoneId,
      name,
      step.do === 'create' ? null : known,
    );
    const { body: answer, etag } = await ask(this.api, method, path, {
      body,
      ifMatch: step.do === 'create' ? (step.read?.etag ?? null) : (known?.etag ?? null),
    });
    const id = typeof answer['id'] === 'string' ? answer['id'] : name;
    this.made.set(keyOf(section, name), { id, etag });
    if (noun === ZONE) {
      this.zoneId = id;
      this.installed.issuer = textOf(answer, 'issuer');
    }
    if (noun === CLIENTS) this.installed.clients.set(name, id);
    if (step.do === 'create') await this.keepDrawn(noun, name, step.item, answer);
  }

  /** What a new zone has had from the start. */
  private async findBorn(noun: Noun, name: string) {
    const [found] = await readAll(this.api, `${this.at()}/${noun.path}`, { [noun.key]: name });
    return found === undefined ? null : { id: textOf(found, 'id'), etag: null };
  }

  private async bodyFor(noun: Noun, { item, fields, do: what }: WriteStep): Promise<JsonObject> {
    const values: Record<string, JsonValue> = {};
    for (const name of fields) {
      const field = noun.fields[name];
      if (field?.secret !== true || item[name] === undefined || noun === CLIENTS) continue;
      values[memberOf(name, field)] = await this.secrets.valueOf(item[name]);
    }
    const { logo } = this.plan;
    if (noun === ZONE && logo !== null && fields.includes('logo'))
      values['logo_uri'] = logoUri(logo);
    return {
      ...bodyOf(noun, item, what === 'create' ? 'create' : fields, this.installed, fields),
      ...values,
    };
  }

  /** A secret that the server has drawn is kept, unless the file says where another one comes from. */
  private async keepDrawn(noun: Noun, name: string, item: Item, answer: JsonObject): Promise<void> {
    const secret = answer['client_secret'] ?? answer['secret'];
    if (typeof secret !== 'string') return;
    const id = textOf(answer, 'id');
    const from = item['secret'];
    if (noun === CLIENTS && from !== undefined && SecretValues.isElsewhere(from)) {
      const secrets = `${this.at()}/clients/${id}/secrets`;
      await this.postSecret(id, from);
      await ask(this.api, 'DELETE', `${secrets}/${textOf(answer, 'secret_id')}`);
      return;
    }
    await this.listener.keep({ zone: this.plan.zone, noun: noun.title, name, id, secret });
    const end = noun === CLIENTS && isObject(from) ? from['expires_at'] : undefined;
    if (typeof end !== 'string') return;
    await this.setExpiry(id, { id: textOf(answer, 'secret_id'), etag: null }, end);
  }

  private async setExpiry(
    clientId: string,
    { id, etag }: { readonly id: string; readonly etag: string | null },
    expiresAt: string,
  ): Promise<void> {
    const path = `${this.at()}/clients/${clientId}/secrets/${id}`;
    await ask(this.api, 'PATCH', path, { body: { expires_at: expiresAt }, ifMatch: etag });
  }

  private async addSecret(step: Extract<Step, { readonly do: 'add secret' }>): Promise<void> {
    const { name, from } = step;
    const id = this.installed.clients.get(name) ?? '';
    const secret = await this.postSecret(id, from);
    if (secret === null) return;
    await this.listener.keep({ zone: this.plan.zone, noun: CLIENTS.title, name, id, secret });
  }

  /** @returns the secret, if it was drawn */
  private async postSecret(clientId: string, from: JsonValue): Promise<string | null> {
    const value = SecretValues.isElsewhere(from) ? await this.secrets.valueOf(from) : null;
    const end = isObject(from) ? from['expires_at'] : undefined;
    const body = {
      ...(value === null ? {} : { secret: value }),
      ...(typeof end === 'string' ? { expires_at: end } : {}),
    };
    const path = `${this.at()}/clients/${clientId}/secrets`;
    const { body: answer } = await ask(this.api, 'POST', path, { body });
    return typeof answer['client_secret'] === 'string' ? answer['client_secret'] : null;
  }
}

function requestFor(
  noun: Noun,
  zoneId: string | null,
  name: string,
  known: { readonly id: string } | null,
): { readonly method: 'POST' | 'PUT' | 'PATCH'; readonly path: string } {
  if (noun === ZONE) {
    return zoneId === null
      ? { method: 'POST', path: 'zones' }
      : { method: 'PATCH', path: `zones/${zoneId}` };
  }
  const path = `zones/${zoneId ?? ''}/${noun.path}`;
  if (noun.change === 'put by name')
    return { method: 'PUT', path: `${path}/${encodeURIComponent(name)}` };
  if (known === null) return { method: 'POST', path };
  return { method: noun.change === 'put' ? 'PUT' : 'PATCH', path: `${path}/${known.id}` };
}

function keyOf(section: string, name: string): string {
  return `${section} ${name}`;
}
