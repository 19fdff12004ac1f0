import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { User } from '../users/user.entity';

/** A row per requested code, so that each works once and for a few tries. The code itself is not stored. */
@Entity('phone_verification_codes')
@Index('phone_verification_codes_user_id_issued_at_idx', ['userId', 'issuedAt'])
@Index('phone_verification_codes_expires_at_idx', ['expiresAt'])
export class PhoneVerificationCode {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'phone_verification_codes_pkey' })
  id: string;

  @Column('uuid', { name: 'user_id' })
  @ForeignKey(() => User, { name: 'phone_verification_codes_user_id_fkey', onDelete: 'CASCADE' })
  userId: string;

  /** Keyed digest of the number that the code confirms. */
  @Column('text', { name: 'phone_digest' })
  phoneDigest: string;

  /** Keyed digest of the code with its user and number. */
  @Column('text', { name: 'code_digest' })
  codeDigest: string;

  @Column('integer', { default: 0 })
  tries: number;

  @Column('timestamptz', { name: 'issued_at' })
  issuedAt: Date;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt: Date;

  @Column('timestamptz', { name: 'used_at', nullable: true })
  usedAt: Date | null;
}
