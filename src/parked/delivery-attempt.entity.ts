import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A row of `delivery_attempts`: a redelivered message in processing. Rows left behind show which messages crash. */
@Entity('delivery_attempts')
@Index('delivery_attempts_attempted_at_idx', ['attemptedAt'])
export class DeliveryAttempt {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'delivery_attempts_pkey' })
  fingerprint: string;

  /** Number of attempts alone; 0 if it was only processed in a batch. */
  @Column('integer')
  attempts: number;

  @Column('timestamptz', { name: 'attempted_at' })
  attemptedAt: Date;
}
