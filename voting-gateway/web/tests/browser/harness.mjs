// A real gateway and a real browser for tests.
//
//   VOTING_BIN  the `voting` program (default: ../../target/debug/voting)
//   CHROMIUM    the browser (default: /usr/bin/chromium)
//   WEB_DIST    a built application to serve instead of the one in the program
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, extname, join, normalize } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const WEB = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const DIST = process.env.WEB_DIST ?? '';
export const VOTING = process.env.VOTING_BIN ?? join(WEB, '../../target/debug/voting');

export const PEOPLE = {
  alice: { email: 'alice@example.com', password: 'alicepass' },
  bob: { email: 'bob@example.com', password: 'bobpass' },
  carol: { email: 'carol@example.com', password: 'carolpass' },
  admin: { email: 'admin@example.com', password: 'adminpass' },
};

/** Starts a network that keeps nothing; the first line that it prints tells its address. */
async function startGateway() {
  const child = spawn(VOTING, ['dev', '--ephemeral', '--port', '0', '--output', 'json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  process.once('exit', () => child.kill('SIGKILL')); // also when a test ends by an error
  const url = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`the gateway ended with ${code}`)));
    let text = '';
    createInterface({ input: child.stdout }).on('line', (line) => {
      text += line;
      try {
        const { url: address, address: other } = JSON.parse(text);
        resolve(address ?? other);
      } catch {
        // Not complete yet.
      }
    });
  });
  return { url, stop: () => child.kill('SIGTERM') };
}

const TYPES = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
/** The policy of the gateway, word for word. */
const POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

const isApp = (path) => path === '/' || path === '/app' || path.startsWith('/app/');

async function sendFile(response, path) {
  const content = await readFile(path).catch(() => null);
  response.writeHead(content ? 200 : 404, { 'content-type': TYPES[extname(path)] ?? 'text/plain', 'content-security-policy': POLICY });
  response.end(content ?? 'not found');
}

/** Serves a freshly built application before a gateway, and passes everything else on. */
async function startFront(target) {
  const { hostname, port } = new URL(target);
  const server = http.createServer((request, response) => {
    const path = new URL(request.url, 'http://x').pathname;
    if (request.method === 'GET' && isApp(path)) return void sendFile(response, join(DIST, 'index.html'));
    if (path.startsWith('/assets/')) return void sendFile(response, join(DIST, normalize(path)));
    const passed = http.request({ hostname, port, path: request.url, method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    passed.on('error', () => response.destroy());
    request.pipe(passed);
  });
  server.on('upgrade', (request, socket, head) => {
    const through = net.connect(Number(port), hostname, () => {
      const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`);
      through.write(`${request.method} ${request.url} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
      through.write(head);
      through.pipe(socket).pipe(through);
    });
    for (const end of [through, socket]) end.on('error', () => (through.destroy(), socket.destroy()));
  });
  await new Promise((resolve) => server.listen(0, 'localhost', resolve));
  return { url: `http://localhost:${server.address().port}`, stop: () => (server.closeAllConnections(), server.close()) };
}

/** The application before a gateway of its own. */
export async function startApp() {
  const gateway = await startGateway();
  const { url, stop } = await applicationAt(gateway.url);
  return { url, stop: () => (stop(), gateway.stop()) };
}

/** The application before a gateway: the one in the program, or the one in WEB_DIST. */
export const applicationAt = (url) => (process.env.WEB_DIST ? startFront(url) : { url, stop: () => undefined });

export const startBrowser = () =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });

/** A window of its own profile; `faults` collects what it complains about. */
export async function openWindow(browser, url, options = {}) {
  const { theme, ...rest } = options;
  const context = await browser.newContext({ baseURL: url, locale: 'en-GB', timezoneId: 'Europe/Berlin', ...rest });
  if (theme) await context.addInitScript((value) => localStorage.setItem('voting.theme', value), theme);
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (/Content Security Policy|Minified React error/i.test(message.text())) faults.push(message.text());
  });
  return { context, page, faults };
}

export async function signIn(page, person, back = '/app/elections') {
  await page.goto(`/app/login?back=${encodeURIComponent(back)}`);
  await page.getByLabel('E-mail address').fill(person.email);
  await page.getByLabel('Password').fill(person.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL((url) => url.pathname === back);
}

/** Asks the API as somebody, or as nobody. */
export async function call(url, method, path, body, person) {
  const headers = { 'content-type': 'application/json' };
  if (person) {
    const session = await call(url, 'POST', '/auth/login', person);
    headers.authorization = `Bearer ${session.access_token}`;
  }
  const answer = await fetch(url + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const value = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(value)}`);
  return value;
}

/** Sets up, fills and opens an election; returns its id. The token is asked for once, because sign-ins are limited. */
export async function openElection(url, token, definition, voters = Object.values(PEOPLE).slice(0, 3)) {
  const post = async (path, body) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body ?? {}) });
    const value = await answer.json();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${JSON.stringify(value)}`);
    return value;
  };
  const day = 86_400_000;
  const times = { start_date: new Date(Date.now() - 60_000).toISOString(), end_date: new Date(Date.now() + 3 * day).toISOString() };
  const { id } = await post('/elections', { timing: 'officer', secrecy: 'open', ...times, ...definition });
  await post(`/elections/${id}/voters`, { voters: voters.map(({ email }) => ({ email })) });
  await post(`/elections/${id}/publish`);
  await post(`/elections/${id}/open`);
  return id;
}

/** Rankings as a file of ballots; `ballots` are `[how many, place, place, …]`, with places from 1. */
export const bltOf = (names, seats, ballots) =>
  [`${names.length} ${seats}`, ...ballots.map((ballot) => `${ballot.join(' ')} 0`), '0', ...names.map((name) => `"${name}"`), '"Ward"', ''].join('\n');

/** Runs the program; not in the way of the front server, which it may go through. */
function run(url, folder, args, input = '') {
  const child = spawn(VOTING, args.map(String), { env: { ...process.env, VOTING_STATE_DIR: folder, VOTING_URL: url }, stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin.on('error', () => undefined); // a program that reads nothing may have ended
  child.stdin.end(input);
  let said = '';
  child.stdout.on('data', (part) => (said += part));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(said) : reject(new Error(`voting ${args[0]} ended with ${code}`))));
  });
}

/** Where the program keeps its session at a gateway: signed in once, because sign-ins are limited. */
const folders = new Map();
async function folderOf(url) {
  const known = folders.get(url);
  if (known) return known;
  const folder = mkdtempSync(join(tmpdir(), 'voting-import-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  folders.set(url, folder);
  await run(url, folder, ['login', '--email', PEOPLE.admin.email], `${PEOPLE.admin.password}\n`);
  return folder;
}

/** Runs the program at a gateway, as nobody. */
export async function runVoting(url, args) {
  const folder = mkdtempSync(join(tmpdir(), 'voting-run-'));
  try {
    return await run(url, folder, args);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Casts the ballots of a file, or those that a seed invents, closes the election, and publishes its result; returns its id. */
export async function importElection(url, method, { blt, seed = 7, ballots = 60, candidates = 7, seats = 3 } = {}) {
  const folder = await folderOf(url);
  const file = join(mkdtempSync(join(folder, 'ballots-')), 'ward.blt');
  if (blt) writeFileSync(file, blt);
  else await run(url, folder, ['generate', 'blt', '--seed', seed, '--ballots', ballots, '--candidates', candidates, '--seats', seats, '-o', file]);
  const { election } = JSON.parse(await run(url, folder, ['import', file, '--new', '--method', method, '--title', `Ward (${method})`, '--output', 'json']));
  return election;
}

/** Elements that stick out of the window sideways; none, if the page fits. */
export const sticksOut = (page) =>
  page.evaluate(() => {
    if (document.documentElement.scrollWidth <= document.documentElement.clientWidth) return [];
    const wide = [...document.querySelectorAll('.frame *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1);
    return [`${document.documentElement.scrollWidth} px`, ...wide.slice(0, 3).map((one) => one.outerHTML.slice(0, 120))];
  });

export async function tokenOf(url, person) {
  return (await call(url, 'POST', '/auth/login', person)).access_token;
}

export async function demoElection(url, title) {
  return (await call(url, 'GET', '/elections')).find((election) => election.title === title).id;
}
