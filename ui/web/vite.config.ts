// Bundles the page into dist/ui/web, whole: no font, script or style is fetched from anywhere else.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here('.'),
  base: '/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: here('../../dist/ui/web'),
    emptyOutDir: true,
    // The server's policy allows no data: URLs.
    assetsInlineLimit: 0,
    target: 'es2022',
  },
});
