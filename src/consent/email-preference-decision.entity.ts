import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { type EmailTopic, User } from '../users/user.entity';

/**
 * A row of the ledger of decisions about e-mail: a decision about one topic and its evidence. A trigger refuses
 * updates, and deletes while the user exists.
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

  /** Where the person decided, as given by the caller; null if not given. */
  @Column('text', { nullable: true })
  source: string | null;

  /** The version of the consent text that the person saw, as given by the caller; null if not given. */
  @Column('text', { name: 'wording_version', nullable: true })
  wordingVersion: string | null;

  @Column('text', { name: 'actor_id' })
  actorId: string;

  @Column('timestamptz', { name: 'decided_at' })
  decidedAt: Date;
}
