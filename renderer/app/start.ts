/** Assembles the console: shell, API, stores, router. */
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import ui from '@nuxt/ui/vue-plugin'
import { API, createApi } from '../api/index.ts'
import { openShell } from '../api/shell.ts'
import App from './App.vue'
import { createConsoleRouter } from './router.ts'
import { i18n } from '../ui/i18n.ts'
import { usePreferencesStore } from '../features/settings/index.ts'
import '../assets/main.css'

export async function start(): Promise<void> {
  const shell = await openShell()
  const app = createApp(App)
  app.provide(API, createApi(shell))
  app.use(createPinia())
  app.use(createConsoleRouter())
  app.use(ui)
  app.use(i18n)
  // The theme is set before the first paint.
  await usePreferencesStore().load()
  app.mount('#app')
}
