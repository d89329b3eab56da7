// @vitest-environment node
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { sourceHash } from '../../scripts/source-hash.mjs';

const dist = join(dirname(fileURLToPath(import.meta.url)), '../../dist');
const KIB = 1_000;
const FIRST_LOAD_JS = 130 * KIB;
const ALL_CSS = 12 * KIB;

const html = readFileSync(join(dist, 'index.html'), 'utf8');
const assets = readdirSync(join(dist, 'assets'));
const gzipped = (name: string): number => gzipSync(readFileSync(join(dist, 'assets', name)), { level: 9 }).length;
const total = (names: string[]): number => names.reduce((sum, name) => sum + gzipped(name), 0);

describe('dist', () => {
  it('is built from these sources', () => {
    expect(readFileSync(join(dist, 'source.sha256'), 'utf8').trim()).toBe(sourceHash());
  });

  it('loads first what the budget allows', () => {
    const scripts = [...html.matchAll(/\/assets\/([\w.-]+\.js)/g)].map(([, name]) => name ?? '');
    // The catalogue of the chosen language and the list of elections come with it.
    const with_ = assets.filter((name) => /^(de|Elections|elections|Loaded|Turnout|PhaseChip|TimeText|client|live)-.*\.js$/.test(name));
    expect(total([...scripts, ...with_])).toBeLessThanOrEqual(FIRST_LOAD_JS);
    expect(total(assets.filter((name) => name.endsWith('.css')))).toBeLessThanOrEqual(ALL_CSS);
  });

  it('keeps to the content security policy', () => {
    expect(html).not.toMatch(/<style|<script(?![^>]*src=)|\sstyle=|\son\w+=/);
    for (const name of assets.filter((asset) => asset.endsWith('.css'))) {
      expect(readFileSync(join(dist, 'assets', name), 'utf8')).not.toMatch(/url\(["']?data:|@import/);
    }
    for (const name of assets.filter((asset) => asset.endsWith('.js'))) {
      expect(readFileSync(join(dist, 'assets', name), 'utf8')).not.toMatch(/\beval\(|new Function\(/);
    }
  });
});
