import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * What is said of a scope in a whole zone. Which scopes there are is said by resources; one of these need not be described
 * here, and one that is here is granted for nothing unless a resource has it.
 */
@Entity('scopes')
export class Scope {
  @PrimaryColumn('uuid', { name: 'zone_id' })
  zoneId: string;

  @PrimaryColumn('uuid')
  id: string;

  /** A scope token (RFC 6749 3.3), unique in the zone. */
  @Column('text')
  name: string;

  /** What it allows, in words for people who confirm requests; `null` where that was not said. */
  @Column('text', { nullable: true })
  description: string | null;

  /** The claims of a user that it lets into mandates (`mandates/scope-claims.ts`), in order. */
  @Column('text', { array: true, default: [] })
  claims: string[];

  /** If not, it is granted for no resource of the zone. */
  @Column('boolean')
  active: boolean;

  /** Whether every zone has it. */
  @Column('boolean', { name: 'is_system', default: false })
  isSystem: boolean;

  @Column('timestamptz', { name: 'created_at', default: () => 'clock_timestamp()' })
  createdAt: Date;

  @Column('timestamptz', { name: 'updated_at', default: () => 'clock_timestamp()' })
  updatedAt: Date;
}
