import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A row of `delivery_attempts`: a redelivered message that is being tried, so that one that kills is found out. */
@Entity('delivery_attempts')
@Index('delivery_attempts_attempted_at_idx', ['attemptedAt'])
export class DeliveryAttempt {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'delivery_attempts_pkey' })
  fingerprint: string;

  /** Tries alone; 0 when it was only tried together with others. */
  @Column('integer')
  attempts: number;

  @Column('timestamptz', { name: 'attempted_at' })
  attemptedAt: Date;
}
