import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** A row of `user_activity`: when a user last signed in. A table of its own, so that signing in does not change users. */
@Entity('user_activity')
@Index('user_activity_last_seen_at_user_id_idx', ['lastSeenAt', 'userId'])
export class UserActivity {
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'user_activity_pkey' })
  @ForeignKey('User', { name: 'user_activity_user_id_fkey', onDelete: 'CASCADE' })
  userId: string;

  /** The latest time, by the clock of the AuthenticationService. */
  @Column('timestamptz', { name: 'last_seen_at' })
  lastSeenAt: Date;
}
