import { type ColumnChoices, findField, type ImportedField } from '../../../../src/commands/bulk/csv-columns';
import { readCsvRows } from '../../../../src/commands/bulk/csv-rows';
import { notUtf8 } from '../../../../src/commands/bulk/source-row';

interface Choices {
  readonly map?: Readonly<Record<string, ImportedField>>;
  readonly ignore?: readonly string[];
}

async function read(text: string | Buffer, { map = {}, ignore = [] }: Choices = {}, chunkSize = 5) {
  async function* chunks() {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += chunkSize) yield bytes.subarray(at, at + chunkSize);
  }
  const choices: ColumnChoices = {
    map: new Map(Object.entries(map)),
    ignore: new Set(ignore),
  };
  const rows: unknown[] = [];
  for await (const row of readCsvRows(chunks(), choices))
    rows.push('record' in row ? row.record : `${row.line} ${row.fields[0]?.message}`);
  return rows;
}

const ann = { email: 'ann@example.com', firstName: 'Ann', lastName: 'Lee' };

describe('readCsvRows', () => {
  it.each([
    ['email,firstName,lastName'],
    ['E-mail,First Name,Last Name'],
    ['e_mail,first_name,last_name'],
    ['EMAIL,FIRSTNAME,LASTNAME'],
    [' email , First-Name , last.name '],
    ['"E\u2011Mail","First\u00a0Name","Last Name"'],
    ['\uff25mail,FirstName,Last Name:'],
  ])('matches the header %s with the fields', async (header) => {
    expect(await read(`${header}\nann@example.com,Ann,Lee\n`)).toEqual([ann]);
  });

  it('matches parts of the address with and without a prefix', async () => {
    const header = 'Email,Address Street,address.city,STATE,postal_code,Country';
    expect(await read(`${header}\nann@example.com,1 Main St,York,NY,12345,US\n`)).toEqual([
      {
        email: 'ann@example.com',
        address: { street: '1 Main St', city: 'York', state: 'NY', postalCode: '12345', country: 'US' },
      },
    ]);
    expect(findField('Zip')).toBeUndefined();
  });

  it('reads columns externalId.SYSTEM as external ids, and skips empty cells', async () => {
    const header = 'email,externalId.crm,External ID.shop-2,legacy';
    const rows = 'ann@example.com,C-1,"  7",L\nbo@example.com,,8,\ncy@example.com,,,';
    const map = { legacy: 'externalId.legacy' } as const;
    expect(await read(`${header}\n${rows}\n`, { map })).toEqual([
      {
        email: 'ann@example.com',
        externalIds: [
          { system: 'crm', id: 'C-1' },
          { system: 'shop-2', id: '  7' },
          { system: 'legacy', id: 'L' },
        ],
      },
      { email: 'bo@example.com', externalIds: [{ system: 'shop-2', id: '8' }] },
      { email: 'cy@example.com' },
    ]);
    await expect(read('email,externalId.CRM\n')).rejects.toThrow('cannot be imported: "externalId.CRM"');
    await expect(read('email,externalId.crm,external_id.crm\n')).rejects.toThrow('more than one column');
    expect(findField('externalId.crm-2')).toBe('externalId.crm-2');
    expect(findField('externalId.')).toBeUndefined();
  });

  it.each([
    ['a semicolon', ';'],
    ['a tab', '\t'],
    ['a comma', ','],
  ])('recognises %s as the separator', async (_, separator) => {
    const text = 'email|firstName|lastName\nann@example.com|Ann|"Lee|,;\tX"\nbo@example.com||\n';
    expect(await read(text.replaceAll('|', separator))).toEqual([
      { ...ann, lastName: `Lee${separator},;\tX` },
      { email: 'bo@example.com' },
    ]);
  });

  it('counts no separator inside the quotes of the header', async () => {
    const choices: Choices = { map: { 'Name, first, or given': 'firstName' } };
    expect(await read('email;"Name, first, or given";lastName\nann@example.com;Ann;Lee', choices, 1)).toEqual(
      [ann],
    );
  });

  it('imports mapped columns and leaves out ignored ones', async () => {
    const text = 'Customer Email,a=b,Tags,E-mail,Last Name\nann@example.com,Ann,vip,other@example.com,Lee\n';
    const map = { 'Customer Email': 'email', 'a=b': 'firstName' } as const;
    expect(await read(text, { map, ignore: ['Tags', 'E-mail'] })).toEqual([ann]);
    // A mapping wins over the name of the column.
    expect(await read('lastName,email\nAnn,a@example.com', { map: { lastName: 'firstName' } })).toEqual([
      { firstName: 'Ann', email: 'a@example.com' },
    ]);
  });

  it.each<[string, string, Choices, RegExp]>([
    ['an unknown column', 'email,Tags,Note', {}, /cannot be imported: "Tags", "Note"; .*--map.*--ignore/],
    ['a repeated column', 'email,email', {}, /more than one column for email: "email", "email"/],
    ['two columns of a field', 'Email,E-mail,City', {}, /more than one column for email: "Email", "E-mail"/],
    ['two spellings of a part', 'email,City,address.city', {}, /more than one column for address\.city/],
    [
      'a mapping to the field of another column',
      'Email,Other',
      { map: { Other: 'email' } },
      /more than one column for email: "Email", "Other"/,
    ],
    ['a mapped column that is missing', 'email', { map: { Mail: 'email' } }, /no column "Mail" to map/],
  ])('refuses a header with %s', async (_, header, choices, message) => {
    await expect(read(`${header}\nann@example.com,x,y\n`, choices)).rejects.toThrow(message);
  });

  it('quotes no values of a file without a header, and only the beginning of a long name', async () => {
    const rows = 'ann@example.com,Ann,Lee\nbo@example.com,Bo,Ray\n';
    const refused = await read(rows).catch((error: Error) => error.message);
    expect(refused).toMatch(/^the first line must name the columns, but no name is a field: userId, email/);
    expect(refused).not.toMatch(/ann|lee/i);
    await expect(read(`email,${'x'.repeat(5_000)}\n`)).rejects.toThrow(/"x{60}"/);
    await expect(read('email,"\u001b[2J"\n')).rejects.toThrow('"\\u001b[2J"');
  });

  it('skips rows without values, and columns without a name or a value', async () => {
    const text =
      '\n,,,,\nemail,firstName,lastName,,\n,,,,\n\nann@example.com,Ann,Lee,,\n ,"",\nann@example.com,Ann,Lee\n';
    expect(await read(text)).toEqual([ann, ann]);
    expect(await read('email,,firstName\na@example.com,,Ann\na@example.com,x,Ann\n')).toEqual([
      { email: 'a@example.com', firstName: 'Ann' },
      '3 has a value in column 2, which has no name',
    ]);
    expect(await read('email,firstName\na@example.com,Ann,,,\na@example.com,Ann,,x\n')).toEqual([
      { email: 'a@example.com', firstName: 'Ann' },
      '3 has a value in column 4, which has no name',
    ]);
  });

  it('refuses a row with fewer cells than columns', async () => {
    expect(await read('\nemail,firstName,lastName\nann@example.com,Ann\n')).toEqual([
      '3 has 2 cells, but line 2 names 3 columns',
    ]);
  });

  it('takes the text mark from a phone number', async () => {
    expect(await read("email,phoneNumber,lastName\na@example.com,'+441632960001,'t Hooft\n")).toEqual([
      { email: 'a@example.com', phoneNumber: '+441632960001', lastName: "'t Hooft" },
    ]);
  });

  const text = 'email;firstName;lastName\r\nann@example.com;Zoë 😀;Lee\r\n';
  const zoe = { ...ann, firstName: 'Zoë 😀' };
  it.each([
    ['UTF-8', Buffer.from(text)],
    ['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${text}`)],
    ['UTF-16LE with a byte order mark', Buffer.from(`\uFEFF${text}`, 'utf16le')],
    ['UTF-16BE with a byte order mark', Buffer.from(`\uFEFF${text}`, 'utf16le').swap16()],
  ])('reads %s', async (_, bytes) => {
    for (const size of [1, 3, 1_000]) expect(await read(bytes, {}, size)).toEqual([zoe]);
  });

  it('names encodings that it cannot read', async () => {
    const utf16 = Buffer.from(text, 'utf16le');
    const withoutMark = 'the file is UTF-16 without a byte order mark: save it as UTF-8';
    await expect(read(utf16)).rejects.toThrow(withoutMark);
    await expect(read(Buffer.from(utf16).swap16(), {}, 1)).rejects.toThrow(withoutMark);
    const broken = Buffer.concat([Buffer.from(`\uFEFF${text}`, 'utf16le'), Buffer.from([0x41])]);
    await expect(read(broken)).rejects.toThrow('the file is not valid UTF-16');
    const latin1 = Buffer.from('email,firstName\na@example.com,José\nb@example.com,Bo\n', 'latin1');
    expect(await read(latin1)).toEqual([`2 ${notUtf8}`, { email: 'b@example.com', firstName: 'Bo' }]);
    expect(notUtf8).toContain('Latin-1');
    await expect(read(Buffer.from('email,prénom\n', 'latin1'))).rejects.toThrow(
      `line 1 must name the columns, but ${notUtf8}`,
    );
  });

  it.each([
    ['nothing', ''],
    ['a byte order mark', '\uFEFF'],
    ['blank lines', '\r\n \n,,\n'],
  ])('says that a file of %s is empty', async (_, content) => {
    await expect(read(content)).rejects.toThrow('the file is empty');
  });

  it('reads a header without rows', async () => {
    expect(await read('email,firstName')).toEqual([]);
  });
});
