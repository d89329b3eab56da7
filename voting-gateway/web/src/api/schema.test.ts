// @vitest-environment node
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';
import { expect, it } from 'vitest';

it('the typed client is that of openapi.json (`npm run generate`)', async () => {
  const contract = JSON.parse(readFileSync(fileURLToPath(new URL('../../../openapi.json', import.meta.url)), 'utf8')) as object;
  const committed = readFileSync(fileURLToPath(new URL('./schema.ts', import.meta.url)), 'utf8');
  const generated = astToString(await openapiTS(contract as Parameters<typeof openapiTS>[0]));
  expect(committed.slice(committed.indexOf('export interface'))).toBe(generated.slice(generated.indexOf('export interface')));
});
