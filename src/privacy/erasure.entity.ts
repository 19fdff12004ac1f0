import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

export const erasureStatuses = ['RUNNING', 'COMPLETED'] as const;

/** A row of the ledger of erasures: who asked for it, why, how far it has come. It outlives what it erased. */
@Entity('erasures')
@Check('erasures_status_check', `status IN ('RUNNING', 'COMPLETED')`)
@Index('erasures_running_idx', { synchronize: false })
export class Erasure {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'erasures_pkey' })
  id: string;

  @Column('uuid', { name: 'user_id' })
  userId: string;

  @Column('text')
  status: (typeof erasureStatuses)[number];

  @Column('timestamptz', { name: 'requested_at' })
  requestedAt: Date;

  @Column('timestamptz', { name: 'completed_at', nullable: true })
  completedAt: Date | null;

  @Column('text', { name: 'requested_by' })
  requestedBy: string;

  @Column('text', { nullable: true })
  reason: string | null;

  /** How many records of each store are gone so far. */
  @Column('jsonb')
  effects: Record<string, number>;
}
