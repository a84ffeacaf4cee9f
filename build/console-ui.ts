/** The component library as the console uses it: in the built page and in the tests of its components. */
import ui from '@nuxt/ui/vite'
import { uiTheme } from '../renderer/app/ui-theme.ts'

/** @param root the folder with package.json; the caller says it, because bundling the configuration moves this file */
export const consoleUi = (root: string) =>
  ui({
    root,
    icon: {
      clientBundle: { scan: { globInclude: ['renderer/**/*.{vue,ts}'] }, sizeLimitKb: 0 },
    },
    // The theme is the console's own (renderer/app/ui-theme.ts); the plugin's variant would inject a <style> element.
    colorMode: false,
    autoImport: false,
    components: false,
    experimental: { componentDetection: true },
    ui: uiTheme,
  })
