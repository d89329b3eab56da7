/**
 * A list of voters looked through before it is sent, by the rules of the gateway, which judges in the end. Pure.
 *
 * Reads the whole list in one pass, so that ten thousand lines take a few milliseconds.
 */

export interface Row {
  line: number;
  email: string;
  name: string;
  weight: string;
}

export type RowIssueCode = 'email' | 'twice' | 'formula' | 'longName' | 'weight' | 'ragged' | 'quote';
export type HeaderIssueCode = 'empty' | 'noHeader' | 'semicolons' | 'columnTwice' | 'unknownColumn' | 'noEmail' | 'encoding';

export interface RowIssue {
  line: number;
  code: RowIssueCode | HeaderIssueCode;
  value?: string | number;
}

export interface CsvReport {
  rows: Row[];
  issues: RowIssue[];
}

const COLUMNS = ['email', 'name', 'weight'] as const;
const MAX_TEXT_BYTES = 254;
const MAX_WEIGHT = 1_000_000_000;
/** Longest part of a cell that is repeated in a message. */
const SHOWN = 40;

interface Line {
  line: number;
  cells: string[];
  open: boolean;
}

/** Splits text into lines of cells, each cell trimmed; empty lines are left out, as the gateway does. */
export function parseLines(text: string, delimiter: string): Line[] {
  const lines: Line[] = [];
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  let line = 1;
  while (at < text.length) {
    const begin = line;
    const cells: string[] = [];
    let cell = '';
    let quoted = false;
    let ended = false;
    for (; at < text.length && !ended; at++) {
      const char = text[at] as string;
      if (char === '\n') line++;
      if (quoted) {
        if (char !== '"') cell += char;
        else if (text[at + 1] === '"') cell += text[++at];
        else quoted = false;
      } else if (char === '"' && cell.trim() === '') {
        quoted = true;
        cell = '';
      } else if (char === delimiter) {
        cells.push(cell.trim());
        cell = '';
      } else if (char === '\n') ended = true;
      else if (char !== '\r') cell += char;
    }
    if (cells.length > 0 || cell.trim() !== '' || quoted) lines.push({ line: begin, cells: [...cells, cell.trim()], open: quoted });
  }
  return lines;
}

/** Whether the gateway takes it for an e-mail address. */
export function isEmail(text: string): boolean {
  const [local = '', host = '', ...more] = text.split('@');
  if (local === '' || more.length > 0 || !host.includes('.') || host.startsWith('.') || host.endsWith('.')) return false;
  return /^[\x21-\x7e]+$/.test(text) && !/[<>",;\\{}]/.test(text) && text.length <= MAX_TEXT_BYTES;
}

/** Whether a spreadsheet would run the text. */
export const isFormula = (text: string): boolean => /^[=+\-@]/.test(text);

const short = (text: string): string => [...text].slice(0, SHOWN).join('');

function headerIssue(text: string, header: Line | undefined): RowIssue | null {
  if (header === undefined) return { line: 1, code: 'empty' };
  const issue = (code: HeaderIssueCode, value?: string): RowIssue => ({ line: header.line, code, value });
  if (text.includes('\uFFFD')) return issue('encoding');
  const names = header.cells.map((cell) => cell.toLowerCase());
  if (header.cells.some((cell) => cell.includes('@'))) return issue('noHeader');
  if (names.length === 1 && names[0]?.includes(';')) return issue('semicolons');
  const unknown = header.cells.find((_, place) => !COLUMNS.some((column) => column === names[place]));
  if (unknown !== undefined) return issue('unknownColumn', short(unknown));
  const twice = names.find((name, place) => names.indexOf(name) < place);
  if (twice !== undefined) return issue('columnTwice', twice);
  return names.includes('email') ? null : issue('noEmail');
}

function rowIssue(row: Row, seen: Map<string, number>): RowIssue | null {
  const issue = (code: RowIssueCode, value?: string | number): RowIssue => ({ line: row.line, code, value });
  const label = row.email.toLowerCase();
  if (!isEmail(label)) return issue('email', short(row.email));
  const first = seen.get(label);
  if (first !== undefined) return issue('twice', first);
  seen.set(label, row.line);
  if (isFormula(row.name)) return issue('formula', row.name.slice(0, 1));
  if (new TextEncoder().encode(row.name).length > MAX_TEXT_BYTES) return issue('longName');
  const weight = row.weight === '' ? 1 : /^\+?\d+$/.test(row.weight) ? Number(row.weight) : 0;
  return weight >= 1 && weight <= MAX_WEIGHT ? null : issue('weight', short(row.weight));
}

export function checkCsv(text: string): CsvReport {
  const [header, ...lines] = parseLines(text, ',');
  const wrong = headerIssue(text, header);
  if (wrong !== null || header === undefined) return { rows: [], issues: wrong === null ? [] : [wrong] };
  const names = header.cells.map((cell) => cell.toLowerCase());
  const [email, name, weight] = COLUMNS.map((column) => names.indexOf(column)) as [number, number, number];
  const rows: Row[] = [];
  const issues: RowIssue[] = [];
  const seen = new Map<string, number>();
  for (const { line, cells, open } of lines) {
    const row: Row = { line, email: cells[email] ?? '', name: cells[name] ?? '', weight: cells[weight] ?? '' };
    rows.push(row);
    const issue: RowIssue | null = open
      ? { line, code: 'quote' }
      : cells.length !== names.length
        ? { line, code: 'ragged', value: names.length }
        : rowIssue(row, seen);
    if (issue) issues.push(issue);
  }
  return { rows, issues };
}

const quote = (cell: string): string => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

/** The list with what can be mended without a question: a missing header, semicolons of a spreadsheet. */
export function repaired(text: string, code: RowIssue['code']): string {
  const delimiter = code === 'semicolons' || (code === 'noHeader' && !text.includes(',') && text.includes(';')) ? ';' : ',';
  const lines = parseLines(text, delimiter).map(({ cells }) => cells);
  const width = Math.max(1, ...lines.map((cells) => cells.length));
  if (code === 'noHeader') lines.unshift(COLUMNS.slice(0, width));
  return lines.map((cells) => cells.map(quote).join(',')).join('\n');
}

/** Whether a press of a button mends it. */
export const isReparable = (code: RowIssue['code']): code is 'noHeader' | 'semicolons' => code === 'noHeader' || code === 'semicolons';
