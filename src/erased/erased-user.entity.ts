import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A row per id that is never to be used again. */
@Entity('erased_users')
export class ErasedUser {
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'erased_users_pkey' })
  userId: string;

  @Column('timestamptz', { name: 'erased_at' })
  erasedAt: Date;

  @Column('uuid', { name: 'erasure_id' })
  erasureId: string;
}
