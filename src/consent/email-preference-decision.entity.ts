import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { type EmailTopic, User } from '../users/user.entity';

/**
 * A row of the preferences ledger: who said what about which topic, when, through which source, shown which wording.
 * PostgreSQL refuses to change it, and to delete it as long as its user is there.
 */
@Entity('email_preference_decisions')
@Index('email_preference_decisions_user_id_decided_at_idx', ['userId', 'decidedAt'])
export class EmailPreferenceDecision {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'email_preference_decisions_pkey' })
  id: string;

  @Column('uuid', { name: 'user_id' })
  @ForeignKey(() => User, { name: 'email_preference_decisions_user_id_fkey', onDelete: 'CASCADE' })
  userId: string;

  @Column('text')
  topic: EmailTopic;

  @Column('boolean')
  granted: boolean;

  /** Where the person said so, in the caller's words; null when the caller did not tell. */
  @Column('text', { nullable: true })
  source: string | null;

  /** Which wording the person was shown, as whoever asked calls it; null when the caller did not tell. */
  @Column('text', { name: 'wording_version', nullable: true })
  wordingVersion: string | null;

  @Column('text', { name: 'actor_id' })
  actorId: string;

  @Column('timestamptz', { name: 'decided_at' })
  decidedAt: Date;
}
