// Digest of what dist is built from, so that a test without Node can tell whether dist is fresh.
//
// SHA-256 over, for each file of src, public and the five files below, in ascending order of the bytes of its
// path: the path, a line feed, the SHA-256 of its content in hexadecimal, a line feed.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const web = dirname(dirname(fileURLToPath(import.meta.url)));
const single = ['index.html', 'package.json', 'package-lock.json', 'vite.config.ts', 'tsconfig.json'];

const filesBelow = (folder) =>
  readdirSync(join(web, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(web, join(entry.parentPath, entry.name)).split(sep).join('/'));

const sha256 = (content) => createHash('sha256').update(content).digest('hex');

export function sourceHash() {
  const paths = [...filesBelow('src'), ...filesBelow('public'), ...single];
  paths.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const lines = paths.map((path) => `${path}\n${sha256(readFileSync(join(web, path)))}\n`);
  return sha256(lines.join(''));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const hash = sourceHash();
  if (process.argv.includes('--write')) writeFileSync(join(web, 'dist', 'source.sha256'), `${hash}\n`);
  else console.log(hash);
}
