import { Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/**
 * A row of `user_search`: a text by whose beginning a search finds the user, without accents. Triggers on `users` write
 * the address, the username, `first last` and the last name.
 */
@Entity('user_search')
@Index('user_search_term_user_id_idx', ['term', 'userId'])
export class UserSearchTerm {
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'user_search_pkey' })
  @ForeignKey('User', { name: 'user_search_user_id_fkey', onDelete: 'CASCADE' })
  userId: string;

  @PrimaryColumn('text', { collation: 'C', primaryKeyConstraintName: 'user_search_pkey' })
  term: string;
}
