// @vitest-environment node
// What is built: WEB_DIST names another folder than the one that the gateway carries.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { sourceHash } from '../../scripts/source-hash.mjs';

const committed = join(dirname(fileURLToPath(import.meta.url)), '../../dist');
const dist = process.env.WEB_DIST || committed;
const KB = 1_000;
const FIRST_LOAD_JS = 130 * KB;
/** Of all pages together, so that none can have more. */
const ALL_CSS = 12 * KB;
/** What the ballot route loads beyond the list of elections. */
const BALLOT_JS = 20 * KB;
/** What seals, with a curve of its own: a worker is a program of its own. */
const WORKER_JS = 20 * KB;
/** What verifies a whole election, and what has a trustee's key: each a program of its own. */
const VERIFIER_JS = 45 * KB;
/** What is loaded to verify signatures, and to sign where the browser cannot. */
const CURVE_JS = 20 * KB;

const html = readFileSync(join(dist, 'index.html'), 'utf8');
const assets = readdirSync(join(dist, 'assets'));
const textOf = (name: string): string => readFileSync(join(dist, 'assets', name), 'utf8');
const gzipped = (name: string): number => gzipSync(readFileSync(join(dist, 'assets', name)), { level: 9 }).length;
const total = (names: Iterable<string>): number => [...names].reduce((sum, name) => sum + gzipped(name), 0);
const isCss = (name: string): boolean => name.endsWith('.css');
const inHtml = [...html.matchAll(/\/assets\/([\w.-]+\.(?:js|css))/g)].map(([, name]) => name ?? '');
const entry = inHtml.find((name) => name.startsWith('index-') && name.endsWith('.js')) ?? '';

/** A script and all that it cannot run without. */
function withImports(name: string, found = new Set<string>()): Set<string> {
  if (found.has(name)) return found;
  found.add(name);
  for (const [, other = ''] of textOf(name).matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g)) withImports(other, found);
  return found;
}

/** Where a page's script is asked for, with the numbers of what is fetched beside it. */
const PAGE = /path:`([^`]+)`,access:.*?import\(`\.\/([\w.-]+\.js)`\)(?:\.then\(\w+=>\w+\.\w+\))?(?:,__vite__mapDeps\(\[([\d,]+)\]\))?/g;

/** What each page loads beside what every page does. */
function pages(): Map<string, string[]> {
  const text = textOf(entry);
  const files = [...(/m\.f=\[([^\]]*)\]/.exec(text)?.[1] ?? '').matchAll(/"assets\/([^"]+)"/g)].map(([, name]) => name ?? '');
  return new Map(
    [...text.matchAll(PAGE)].map(([, path = '', script = '', numbers = '']) => {
      const beside = numbers.split(',').flatMap((number) => files[Number(number)] ?? []);
      return [path, [...new Set([...withImports(script), ...beside])].filter((name) => !always.includes(name))];
    }),
  );
}
const always = [...new Set([...inHtml, ...withImports(entry)])];
const kb = (bytes: number): string => `${(bytes / KB).toFixed(1)} kB`;

describe('dist', () => {
  it('is built from these sources', () => {
    expect(readFileSync(join(committed, 'source.sha256'), 'utf8').trim()).toBe(sourceHash());
  });

  it('loads what the budget allows', () => {
    const loads = pages();
    const catalogue = Math.max(...assets.filter((name) => /^(de|en)-.*\.js$/.test(name)).map(gzipped));
    const list = loads.get('/app/elections') ?? [];
    const ballot = (loads.get('/app/elections/:id/vote') ?? []).filter((name) => !list.includes(name));
    const curve = assets.find((name) => /^strict-.*\.js$/.test(name)) ?? '';
    const js = (names: string[]): number => total(names.filter((name) => !isCss(name)));
    const css = (names: string[]): number => total(names.filter(isCss));

    const firstJs = js(always) + catalogue + js(list);
    const allCss = css(assets);
    const curveJs = total([...withImports(curve)].filter((name) => !always.includes(name)));
    const lines = [...loads].map(([path, names]) => `  ${path}: ${kb(js(names))} of scripts, ${kb(css(names))} of styles`);
    console.info(
      [
        `first load: ${kb(firstJs)} of scripts, ${kb(css(always) + css(list))} of styles`,
        `all styles: ${kb(allCss)}`,
        `ballot route: ${kb(js(ballot))}; curve: ${kb(curveJs)}`,
        'pages, beside what every page loads:',
        ...lines,
      ].join('\n'),
    );

    expect(loads.size).toBeGreaterThan(10);
    expect(list.length * ballot.length * curve.length).toBeGreaterThan(0);
    expect(firstJs).toBeLessThanOrEqual(FIRST_LOAD_JS);
    expect(allCss).toBeLessThanOrEqual(ALL_CSS);
    expect(js(ballot)).toBeLessThanOrEqual(BALLOT_JS);
    expect(ballot).not.toContain(curve);
    expect(curveJs).toBeLessThanOrEqual(CURVE_JS);
  });

  it('seals in a worker of its own, which no page loads by itself', () => {
    const workers = assets.filter((name) => /^worker-.*\.js$/.test(name));
    expect(workers).toHaveLength(1);
    expect(gzipped(workers[0] ?? '')).toBeLessThanOrEqual(WORKER_JS);
    const sealing = assets.filter((name) => /^(worker|voting|SealedReview|SealingCard|sealed\.)-?.*\.js$/.test(name) && !/^sealed-/.test(name));
    expect(sealing.length).toBeGreaterThan(4);
    const loads = pages();
    for (const name of sealing) {
      expect(always).not.toContain(name);
      for (const names of loads.values()) expect(names).not.toContain(name);
    }
  });

  it('verifies elections and keeps trustees’ keys in workers of their own', () => {
    for (const program of ['verifier', 'keeper']) {
      const found = assets.filter((name) => name.startsWith(`${program}-`));
      expect(found, program).toHaveLength(1);
      const [name = ''] = found;
      expect(gzipped(name), program).toBeLessThanOrEqual(VERIFIER_JS);
      expect(always).not.toContain(name);
      for (const names of pages().values()) expect(names).not.toContain(name);
    }
  });

  it('leaves the words and styles of a part to its pages', () => {
    for (const part of ['admin', 'network', 'trustee', 'verify']) {
      for (const locale of ['en', 'de']) {
        const words = assets.filter((name) => name.startsWith(`${part}.${locale}-`));
        expect(words, `${part}.${locale}`).toHaveLength(1);
      }
    }
    const list = pages().get('/app/elections') ?? [];
    for (const name of [...always, ...list]) expect(name).not.toMatch(/^(admin|network|Network|Wizard)/);
  });

  it('keeps to the content security policy', () => {
    expect(html).not.toMatch(/<style|<script(?![^>]*src=)|\sstyle=|\son\w+=/);
    for (const name of assets.filter(isCss)) expect(textOf(name)).not.toMatch(/url\(["']?data:|@import/);
    for (const name of assets.filter((asset) => asset.endsWith('.js'))) expect(textOf(name)).not.toMatch(/\beval\(|new Function\(/);
  });
});
