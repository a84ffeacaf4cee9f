import { defineConfig } from 'electron-vite'
import vue from '@vitejs/plugin-vue'
import { readdir, readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import type { Plugin } from 'vite'
import { consoleUi } from './build/console-ui.ts'

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

/** Swagger UI finds its pages relative to its own code, which bundling moves. */
const swaggerPages = (): Plugin => ({
  name: 'deployx:swagger-pages',
  async generateBundle(_options, bundle) {
    const pages = join(import.meta.dirname, 'node_modules/@fastify/swagger-ui/static')
    for (const chunk of Object.values(bundle)) {
      if (chunk.type !== 'chunk') continue
      const ids = Object.keys(chunk.modules).map((id) => id.replaceAll('\\', '/'))
      if (!ids.some((id) => id.includes('/@fastify/swagger-ui/index.js'))) continue
      const folder = posix.dirname(chunk.fileName)
      for (const name of await readdir(pages)) {
        const source = await readFile(join(pages, name))
        this.emitFile({ type: 'asset', fileName: posix.join(folder, '../static', name), source })
        if (name === 'logo.svg')
          this.emitFile({ type: 'asset', fileName: posix.join(folder, 'static', name), source })
      }
    }
  },
})

/** The console's second half (renderer/app/start.ts) is requested together with its first, which saves a round trip at the start. */
const preloadSecondHalf = (): Plugin => ({
  name: 'deployx:preload-second-half',
  transformIndexHtml: {
    order: 'post',
    handler(_html, { bundle }) {
      const chunk = Object.values(bundle ?? {}).find(
        (file) => file.type === 'chunk' && file.name === 'start',
      )
      if (chunk?.type !== 'chunk') return []
      const link = (attrs: Record<string, string>) => ({
        tag: 'link',
        attrs: { ...attrs, crossorigin: '' },
        injectTo: 'head' as const,
      })
      return [
        ...[chunk.fileName, ...chunk.imports].map((file) =>
          link({ rel: 'modulepreload', href: `./${file}` }),
        ),
        ...[...(chunk.viteMetadata?.importedCss ?? [])].map((file) =>
          link({ rel: 'preload', as: 'style', href: `./${file}` }),
        ),
      ]
    },
  },
})

export default defineConfig({
  main: {
    plugins: [swaggerPages()],
    // Its build for Node declares `require`, and so does the code that electron-vite adds.
    resolve: { alias: [{ find: /^fflate$/, replacement: 'fflate/browser' }] },
    build: {
      externalizeDeps: false,
      rollupOptions: {
        input: {
          index: 'main/index.ts',
          headless: 'main/headless.ts',
          'workers/signing': 'main/controller/slices/signing/worker.ts',
          'workers/identity': 'main/controller/slices/identity/worker.ts',
          'workers/check': 'main/controller/slices/check/worker.ts',
          'workers/inspection': 'main/controller/slices/inspection/worker.ts',
          'workers/passwords': 'main/controller/slices/users/password-worker.ts',
          'workers/workbook': 'main/controller/slices/deployments/views/workbook-worker.ts',
        },
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
    // The parts of vue-i18n that the console does not use.
    define: {
      __VUE_I18N_FULL_INSTALL__: false,
      __VUE_I18N_LEGACY_API__: false,
      __INTLIFY_PROD_DEVTOOLS__: false,
    },
    build: {
      outDir: join(import.meta.dirname, 'out/renderer'),
      emptyOutDir: true,
      rollupOptions: { input: join(import.meta.dirname, 'renderer/index.html') },
      // Nothing becomes a data: address: the content security policy allows fonts from 'self' only.
      assetsInlineLimit: 0,
      minify: true,
      chunkSizeWarningLimit: 2_000,
    },
    plugins: [vue(), preloadSecondHalf(), noInlineColours(), consoleUi(import.meta.dirname)],
  },
})
