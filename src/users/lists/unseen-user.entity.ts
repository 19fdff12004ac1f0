import { Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** A row of `unseen_users`: a user that never signed in. Triggers on `users` and `user_activity` write the rows. */
@Entity('unseen_users')
export class UnseenUser {
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'unseen_users_pkey' })
  @ForeignKey('User', { name: 'unseen_users_user_id_fkey', onDelete: 'CASCADE' })
  userId: string;
}
