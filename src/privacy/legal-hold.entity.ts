import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { User } from '../users/user.entity';

/** A row per user whose data must not be erased. The foreign key has no `onDelete`, so it blocks deleting the user. */
@Entity('legal_holds')
export class LegalHold {
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'legal_holds_pkey' })
  @ForeignKey(() => User, { name: 'legal_holds_user_id_fkey' })
  userId: string;

  @Column('text')
  reason: string;

  @Column('text', { name: 'placed_by' })
  placedBy: string;

  @Column('timestamptz', { name: 'placed_at' })
  placedAt: Date;
}
