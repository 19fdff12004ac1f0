import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { type CommandLine, openCommandLine } from '../testkit/command';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

let commands: CommandLine;
let folder: string;
let database: TestDatabase;
let client: Client;
beforeAll(async () => {
  commands = openCommandLine();
  folder = mkdtempSync(join(tmpdir(), 'csv-'));
  database = await createTestDatabase();
  client = new Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
  await commands.close();
  rmSync(folder, { recursive: true, force: true });
});

const sql = async (text: string, parameters: unknown[] = []): Promise<any[]> =>
  (await client.query(text, parameters)).rows;

const run = (args: string[]) => commands.run(args, { DATABASE_URL: database.url });

describe('import', () => {
  it('reads CSV with BOM, CRLF and quoted cells', async () => {
    const file = join(folder, 'users.csv');
    const lines = [
      '"email",firstName,lastName,displayName,city,address.street',
      'grace@example.com,Grace,Hopper,"The ""Admiral""",Arlington,"1 Main, left"',
      'broken@example.com,"Gr"ace,Hopper,,,',
      'kate@example.com,Käthe,Kruse,,,',
      '',
      'short@example.com,Grace',
    ];
    writeFileSync(file, `\uFEFF${lines.join('\r\n')}\r\n`);
    const { code, stdout } = await run(['import', file]);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^2 {2}created .*\n3 {2}INVALID_INPUT .*\n4 {2}created .*\n6 {2}INVALID_INPUT {2}line has 2 cells.*\n2 created, 0 existed, 2 failed\n$/,
    );
    expect(
      await sql(
        `SELECT display_name, address, first_name FROM users WHERE last_name IN ('Hopper', 'Kruse') ORDER BY email`,
      ),
    ).toEqual([
      {
        display_name: 'The "Admiral"',
        first_name: 'Grace',
        address: expect.objectContaining({ city: 'Arlington', street: '1 Main, left' }),
      },
      { display_name: null, first_name: 'Käthe', address: null },
    ]);
  });

  it('rejects a file with unknown columns or without content, and wrong usage', async () => {
    const write = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    expect(
      await run(['import', write('unknown.csv', 'email,password\na@example.com,12345678\n')]),
    ).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('columns that cannot be imported: "password"'),
    });
    const [empty, lines] = [write('empty.tsv', ''), write('lines.jsonl', '\n')];
    for (const file of [empty, lines])
      expect(await run(['import', file])).toEqual({
        code: 1,
        stdout: '',
        stderr: 'error: the file is empty\n',
      });
    expect(await run(['import', '/nowhere/users.csv'])).toMatchObject({ code: 1, stdout: '' });
    for (const args of [
      ['users.txt'],
      [lines, '--ignore', 'Tags'],
      [empty, '--map', 'email'],
      [empty, '--map', 'Mail=nothing'],
      [empty, '--map', 'Mail=email', '--map', 'Mail=username'],
      [empty, '--map', 'Mail=email', '--ignore', 'Mail'],
    ])
      expect(await run(['import', ...args])).toMatchObject({ code: 2, stdout: '' });
  });

  it('maps columns whose names contain equals signs, of a file whose ending is in capitals', async () => {
    const file = join(folder, 'MAPPED.CSV');
    writeFileSync(file, 'a=b=c,firstName,lastName\nequal@example.com,Ada,Lovelace\n');
    expect(await run(['import', file, '--map', 'a=b=c=email'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 created'),
    });
    expect(await sql(`SELECT first_name FROM users WHERE email = 'equal@example.com'`)).toHaveLength(1);
  });

  it('prints no value of a row that it cannot read', async () => {
    const file = join(folder, 'broken.csv');
    const secret = 'Private';
    const rows = [
      'email,firstName,lastName',
      `${secret}@example.com,"${secret}"${secret},${secret}`,
      `${secret}@example.com,${secret},${secret},${secret}`,
      `${secret}@example.com,${secret}`,
      `${secret}\0@example.com,${secret}\0,${secret}`,
      `${secret}@example.com,${secret},${'x'.repeat(70_000)}`,
      `${secret}@example.com,${secret.repeat(20)},${secret}`,
      `${secret}@example.com,"${secret},${secret}`,
    ];
    writeFileSync(file, rows.join('\n'));
    for (const flags of [[], ['--json']]) {
      const { code, stdout, stderr } = await run(['import', file, ...flags]);
      expect({ code, output: stdout + stderr }).toEqual({
        code: 1,
        output: expect.not.stringMatching(/private/i),
      });
      expect(stdout).toContain('has wrong quotes in column 2 (CSV_');
      expect(stdout + stderr).toContain('0 created, 0 existed, 7 failed');
    }
  });

  describe('of an export', () => {
    const importExport = (name: string, map: string[], ignore: string[]) =>
      run([
        'import',
        join(__dirname, '../testkit/customer-exports', name),
        ...map.flatMap((it) => ['--map', it]),
        ...ignore.flatMap((it) => ['--ignore', it]),
      ]);
    const profiles = (domain: string) =>
      sql(
        `SELECT email, first_name, last_name, username, display_name, phone_number, time_zone, address
         FROM users WHERE email LIKE '%@' || $1 ORDER BY email`,
        [domain],
      );

    it('of Shopify creates its customers', async () => {
      const address = 'Default Address ';
      const result = await importExport(
        'shopify.csv',
        [
          'Phone=phoneNumber',
          `${address}Address1=street`,
          `${address}City=city`,
          `${address}Province Code=state`,
          `${address}Country Code=country`,
          `${address}Zip=postalCode`,
        ],
        [
          ...['Company', 'Address2', 'Phone'].map((it) => `${address}${it}`),
          ...'Customer ID,Accepts Email Marketing,Accepts SMS Marketing,Total Spent,Total Orders'.split(','),
          ...'Note,Tax Exempt,Tags'.split(','),
        ],
      );
      expect(result).toMatchObject({ code: 0, stdout: expect.stringContaining('3 created') });
      expect(await profiles('shop.example')).toMatchObject([
        { first_name: 'Ines', phone_number: '+33612345678', address: { city: 'Lyon', postalCode: '69001' } },
        { last_name: "O'Dell", phone_number: '+12025550143', address: null },
        { last_name: 'Żak', address: { street: '4 Sample Street', state: 'ENG', country: 'GB' } },
      ]);
    });

    it('of Mailchimp creates its contacts', async () => {
      const unwanted =
        'Address,Birthday,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS';
      const result = await importExport('mailchimp.csv', ['Email Address=email'], unwanted.split(','));
      expect(result).toMatchObject({ code: 0, stdout: expect.stringContaining('2 created') });
      expect(await profiles('list.example')).toMatchObject([
        { first_name: 'Hugo', phone_number: '+46701740605', time_zone: null },
        { first_name: 'Lea', phone_number: null, time_zone: 'Europe/Berlin' },
      ]);
    });

    it('of WooCommerce creates its customers', async () => {
      const unwanted =
        'ID,customer_id,user_nicename,user_url,user_registered,user_status,roles,nickname,billing_first_name,billing_last_name,billing_company,billing_email,billing_address_2';
      const result = await importExport(
        'woocommerce.csv',
        [
          'user_email=email',
          'user_login=username',
          'billing_phone=phoneNumber',
          'billing_address_1=address.street',
          'billing_postcode=address.postalCode',
          'billing_city=address.city',
          'billing_state=address.state',
          'billing_country=address.country',
        ],
        unwanted.split(','),
      );
      expect(result).toMatchObject({ code: 0, stdout: expect.stringContaining('2 created') });
      expect(await profiles('store.example')).toMatchObject([
        { username: 'nadia.k', display_name: 'Nadia K.', address: { city: 'Köln', postalCode: '50667' } },
        { username: 'oskar', phone_number: null, address: null },
      ]);
    });
  });
});
