import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A row of `erased_users`: a user id that can never be used again. */
@Entity('erased_users')
export class ErasedUser {
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'erased_users_pkey' })
  userId: string;

  @Column('timestamptz', { name: 'erased_at' })
  erasedAt: Date;

  @Column('uuid', { name: 'erasure_id' })
  erasureId: string;
}
