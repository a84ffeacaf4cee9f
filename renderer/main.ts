/** Entry. zod must not compile validators with `new Function` under the page's content security policy, so that is settled before any schema exists. */
import { config } from 'zod'

config({ jitless: true })

function tell(error: unknown): void {
  const why = error instanceof Error ? error.message : String(error)
  document.body.textContent = `The console could not start: ${why}. Close the window and open it again.`
}
import('./app/start.ts').then(({ start }) => start()).catch(tell)
