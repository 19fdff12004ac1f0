import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

export const erasureStatuses = ['SCHEDULED', 'RUNNING', 'COMPLETED', 'CANCELLED'] as const;

/** The record of an erasure: requester, reason and progress. It stays after the erasure. */
@Entity('erasures')
@Check('erasures_status_check', `status IN ('SCHEDULED', 'RUNNING', 'COMPLETED', 'CANCELLED')`)
@Index('erasures_running_idx', { synchronize: false })
@Index('erasures_scheduled_user_id_idx', { synchronize: false })
@Index('erasures_scheduled_for_idx', { synchronize: false })
export class Erasure {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'erasures_pkey' })
  id: string;

  @Column('uuid', { name: 'user_id' })
  userId: string;

  @Column('text')
  status: (typeof erasureStatuses)[number];

  @Column('timestamptz', { name: 'requested_at' })
  requestedAt: Date;

  /** When it is or was due; null if it started with the request. */
  @Column('timestamptz', { name: 'scheduled_for', nullable: true })
  scheduledFor: Date | null;

  /** True if the account was deactivated with the request, so that cancelling reactivates it. */
  @Column('boolean', { default: false })
  reactivates: boolean;

  @Column('timestamptz', { name: 'completed_at', nullable: true })
  completedAt: Date | null;

  @Column('text', { name: 'requested_by' })
  requestedBy: string;

  @Column('text', { nullable: true })
  reason: string | null;

  /** The number of deleted records by store. */
  @Column('jsonb')
  effects: Record<string, number>;
}
