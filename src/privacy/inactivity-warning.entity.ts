import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** A row of `inactivity_warnings`: a user who was warned in the current period of inactivity. */
@Entity('inactivity_warnings')
@Index('inactivity_warnings_warned_at_user_id_idx', ['warnedAt', 'userId'])
export class InactivityWarning {
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'inactivity_warnings_pkey' })
  @ForeignKey('User', { name: 'inactivity_warnings_user_id_fkey', onDelete: 'CASCADE' })
  userId: string;

  /** The last activity before the warning. A later activity ends the period of inactivity. */
  @Column('timestamptz', { name: 'last_active_at' })
  lastActiveAt: Date;

  /** The event that warned the user. */
  @Column('uuid', { name: 'event_id' })
  eventId: string;

  @Column('timestamptz', { name: 'warned_at' })
  warnedAt: Date;

  /** When the event was published; null if that is not copied yet. A copy, because published events are deleted. */
  @Column('timestamptz', { name: 'published_at', nullable: true })
  publishedAt: Date | null;
}
