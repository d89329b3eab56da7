import { describe, expect, it } from 'vitest';
import { checkCsv, isEmail, isReparable, repaired } from './csv';

const codes = (text: string) => checkCsv(text).issues.map(({ line, code }) => `${line} ${code}`);

describe('a list of voters', () => {
  it('is read with a byte order mark, quotes, either line end, and empty lines', () => {
    const { rows, issues } = checkCsv('\uFEFFEmail,name,weight\r\nAda@Example.com,"Lovelace, ""Ada""",2\r\n\r\nbob@example.com,,\r\n');
    expect(issues).toEqual([]);
    expect(rows).toEqual([
      { line: 2, email: 'Ada@Example.com', name: 'Lovelace, "Ada"', weight: '2' },
      { line: 4, email: 'bob@example.com', name: '', weight: '' },
    ]);
  });

  it('names every bad line', () => {
    const text =
      'email,name,weight\nada@example.com,=1+1,1\nnobody,,1\nbob@example.com,,x\nBOB@example.com,,1\ncarol@example.com,,0\ndan@example.com\neve@example.com,"open,1';
    expect(codes(text)).toEqual(['2 formula', '3 email', '4 weight', '5 twice', '6 weight', '7 ragged', '8 quote']);
    expect(checkCsv(text).issues[3]?.value).toBe(4);
  });

  it.each([
    ['=SUM(A1)', '='],
    ['+49', '+'],
    ['-1', '-'],
    ['@home', '@'],
  ])('refuses the name %s, which a spreadsheet would run', (name, value) => {
    expect(checkCsv(`email,name\nada@example.com,${name}`).issues).toEqual([{ line: 2, code: 'formula', value }]);
  });

  it.each([
    ['', '1 empty'],
    ['ada@example.com', '1 noHeader'],
    ['email;name\nada@example.com;Ada', '1 semicolons'],
    ['email,colour\nada@example.com,red', '1 unknownColumn'],
    ['email,email\na@b.de,a@b.de', '1 columnTwice'],
    ['name\nAda', '1 noEmail'],
    ['email,name\na@b.de,J\uFFFDrg', '1 encoding'],
  ])('says what is wrong with the header of %j', (text, code) => {
    expect(codes(text)).toEqual([code]);
  });

  it('keeps the number of the line after a cell of two lines', () => {
    expect(codes('email,name\na@b.de,"two\nlines"\nnobody,')).toEqual(['4 email']);
  });

  it('mends a missing header and semicolons', () => {
    expect(isReparable('twice')).toBe(false);
    expect(codes(repaired('ada@example.com,Ada\nbob@example.com,Bob', 'noHeader'))).toEqual([]);
    expect(codes(repaired('ada@example.com;Ada', 'noHeader'))).toEqual([]);
    expect(repaired('email;name\nada@example.com;"Lovelace, Ada"', 'semicolons')).toBe('email,name\nada@example.com,"Lovelace, Ada"');
  });

  it('looks through ten thousand lines at once', () => {
    const text = `email,name\n${Array.from({ length: 10_000 }, (_, place) => `v${place}@example.com,Voter ${place}`).join('\n')}`;
    const begin = performance.now();
    const { rows, issues } = checkCsv(text);
    expect(rows.length).toBe(10_000);
    expect(issues).toEqual([]);
    expect(performance.now() - begin).toBeLessThan(1_000);
  });

  it('takes for an address what the gateway takes for one', () => {
    for (const good of ['a@b.de', 'first.last+tag@sub.example.org']) expect(isEmail(good)).toBe(true);
    for (const bad of ['', 'a', '@b.de', 'a@b', 'a@.de', 'a@b.', 'a@b@c.de', 'a b@c.de', 'ä@b.de', 'a,b@c.de', `${'a'.repeat(250)}@b.de`]) expect(isEmail(bad)).toBe(false);
  });
});
