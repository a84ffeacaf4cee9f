/** Entry point. The page's CSP forbids `new Function`, so zod's JIT is turned off before any schema is created. */
import { config } from 'zod'

config({ jitless: true })

function showError(error: unknown): void {
  const why = error instanceof Error ? error.message : String(error)
  document.body.textContent = `The console could not start: ${why}. Close the window and open it again.`
}
import('./app/start.ts').then(({ start }) => start()).catch(showError)
