import type { Client } from 'pg';

/** What this service stores about a user. */
export interface Customer {
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly status: string;
}

/** The table of customers, and the ids of erased ones. Every method is one statement and may be repeated. */
export class Customers {
  constructor(private readonly database: Client) {}

  async createTables(): Promise<void> {
    await this.database.query(`
      CREATE TABLE IF NOT EXISTS customers (
        id uuid PRIMARY KEY, version integer NOT NULL, email text, first_name text, last_name text, status text);
      CREATE TABLE IF NOT EXISTS erased_customers (id uuid PRIMARY KEY)`);
  }

  /** Returns the version that is stored, 0 for a new user, and Infinity for an erased one. */
  async versionOf(id: string): Promise<number> {
    const erased = await this.database.query('SELECT FROM erased_customers WHERE id = $1', [id]);
    const { rows } = await this.database.query('SELECT version FROM customers WHERE id = $1', [id]);
    return erased.rowCount ? Infinity : Number(rows[0]?.version ?? 0);
  }

  /** Stores a version. Fields that `change` leaves out stay as they are. */
  async store(
    id: string,
    version: number,
    { email, firstName, lastName, status }: Partial<Customer>,
  ): Promise<void> {
    await this.database.query(
      `INSERT INTO customers AS stored VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (id) DO UPDATE SET version = $2, email = coalesce($3, stored.email),
         first_name = coalesce($4, stored.first_name), last_name = coalesce($5, stored.last_name),
         status = coalesce($6, stored.status)`,
      [id, version, email, firstName, lastName, status],
    );
  }

  /** Deletes what is stored about the user. The id stays, so that a repeated event does not bring the user back. */
  async erase(id: string): Promise<void> {
    await this.database.query(
      `WITH erased AS (DELETE FROM customers WHERE id = $1)
       INSERT INTO erased_customers VALUES ($1) ON CONFLICT DO NOTHING`,
      [id],
    );
  }
}
