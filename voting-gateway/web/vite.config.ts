import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

/** Where the development server finds a gateway. */
const gateway = process.env.VOTING_URL ?? 'http://localhost:8100';

/** Paths of the API; everything else belongs to the application. */
const API = ['/auth', '/ballots', '/board', '/elections', '/genesis', '/network', '/openapi.json', '/user', '/version', '/votes'];

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    // The content security policy allows no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  // A worker is a program of its own, and loads what it needs as the page does.
  worker: { format: 'es' },
  server: {
    proxy: {
      ...Object.fromEntries(API.map((path) => [path, { target: gateway }])),
      '/ws': { target: gateway, ws: true },
    },
  },
  test: {
    environment: 'happy-dom',
    // Only what hangs: a machine may be busy with other things.
    testTimeout: 120_000,
    include: ['src/**/*.test.{ts,tsx}', 'tests/unit/**/*.test.ts'],
  },
});
