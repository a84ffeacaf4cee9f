/** Entry. zod must not compile validators with `new Function` under the page's content security policy, so that is settled before any schema exists. */
import { config } from 'zod'

config({ jitless: true })
void import('./start.ts').then(({ start }) => start())
