/** The thread in which every foreign file is read. The only entry that imports the readers. */
import { serveInspections } from './worker-loop.ts'

serveInspections()
