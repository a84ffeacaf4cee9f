import { defineConfig } from 'electron-vite'
import vue from '@vitejs/plugin-vue'
import ui from '@nuxt/ui/vite'
import { join } from 'node:path'
import type { Plugin } from 'vite'
import { uiTheme } from './renderer/ui-theme.ts'

/** Native modules stay outside the bundle; everything else is bundled so that a package needs no node_modules. */
const external = ['electron', 'better-sqlite3']

/**
 * Nuxt UI writes its colour variables into a <style> element, which the content security policy refuses.
 * They stand in renderer/assets/palette.css instead; the plugin that would inject them is emptied.
 */
const noInlineColours = (): Plugin => ({
  name: 'deployx:no-inline-colours',
  enforce: 'pre',
  load: (id) =>
    id.replaceAll('\\', '/').endsWith('@nuxt/ui/dist/runtime/plugins/colors.js')
      ? 'export default { install() {} }'
      : null,
})

export default defineConfig({
  main: {
    build: {
      externalizeDeps: false,
      rollupOptions: {
        input: { index: 'main/index.ts', headless: 'main/headless.ts' },
        external,
        output: { format: 'es' },
      },
    },
  },
  preload: {
    build: {
      externalizeDeps: false,
      rollupOptions: {
        input: { index: 'main/preload/index.ts' },
        external: ['electron'],
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: 'renderer',
    build: {
      outDir: join(import.meta.dirname, 'out/renderer'),
      emptyOutDir: true,
      rollupOptions: { input: join(import.meta.dirname, 'renderer/index.html') },
      // Nothing becomes a data: address: the content security policy allows fonts from 'self' only.
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 2_000,
    },
    plugins: [
      vue(),
      noInlineColours(),
      ui({
        root: import.meta.dirname,
        icon: {
          clientBundle: { scan: { globInclude: ['renderer/**/*.{vue,ts}'] }, sizeLimitKb: 0 },
        },
        // The theme is the console's own (renderer/lib/theme.ts); the plugin's variant would inject a <style> element.
        colorMode: false,
        autoImport: false,
        components: false,
        experimental: { componentDetection: true },
        ui: uiTheme,
      }),
    ],
  },
})
