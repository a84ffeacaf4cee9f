/** The thread that reads every untrusted file. The only entry that imports the readers. */
import { serveInspections } from './worker-loop.ts'

serveInspections()
