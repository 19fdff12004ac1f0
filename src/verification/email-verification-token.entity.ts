import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { User } from '../users/user.entity';

/** A row per issued confirmation token, so that each works once. The token itself is not stored. */
@Entity('email_verification_tokens')
@Index('email_verification_tokens_user_id_idx', ['userId'])
@Index('email_verification_tokens_expires_at_idx', ['expiresAt'])
export class EmailVerificationToken {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'email_verification_tokens_pkey' })
  id: string;

  @Column('uuid', { name: 'user_id' })
  @ForeignKey(() => User, { name: 'email_verification_tokens_user_id_fkey', onDelete: 'CASCADE' })
  userId: string;

  /** Keyed digest of the normalised address that the token confirms. */
  @Column('text', { name: 'email_digest' })
  emailDigest: string;

  @Column('timestamptz', { name: 'issued_at' })
  issuedAt: Date;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt: Date;

  @Column('timestamptz', { name: 'used_at', nullable: true })
  usedAt: Date | null;
}
