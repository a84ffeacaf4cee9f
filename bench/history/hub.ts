/** A controller in a process of its own, so that the pauses of its event loop are its own. Driven over IPC. */
import { performance } from 'node:perf_hooks'
import pino from 'pino'
import { startController, type Controller } from '../../main/controller/compose/index.ts'
import { MIGRATIONS_DIR } from '../../main/controller/test-kit/paths.ts'
import { watchStalls } from '../stalls.ts'

export type HistoryOrder =
  | { do: 'start'; dataDir: string }
  | { do: 'online'; count: number }
  | { do: 'watch' | 'stalls' | 'quit' }
export type HistoryNote =
  | { done: 'start'; console: string; hubPort: number; fingerprint: string; startMs: number }
  | { done: 'online' | 'watch' | 'quit' }
  | { done: 'stalls'; longestMs: number }

let controller: Controller | null = null
let stalls: ReturnType<typeof watchStalls> | null = null
const send = (note: HistoryNote) => void process.send?.(note)

async function obey(order: HistoryOrder): Promise<void> {
  switch (order.do) {
    case 'start': {
      const startMs = performance.now()
      controller = await startController({
        dataDir: order.dataDir,
        migrationsDir: MIGRATIONS_DIR,
        workersDir: null,
        rendererDir: null,
        version: '0.0.0-bench',
        hubHost: '127.0.0.1',
        hubPort: 0,
        consolePort: 0,
        allowedOrigins: [],
        discovery: false,
        log: pino({ level: process.env['DEPLOYX_LOG_LEVEL'] ?? 'warn' }, pino.destination(2)),
        timings: { presence: { connectGraceMs: 0 } },
      })
      return send({
        done: 'start',
        console: controller.consoleUrl,
        hubPort: Number(new URL(controller.hubUrl).port),
        fingerprint: controller.fingerprint,
        startMs: performance.now() - startMs,
      })
    }
    case 'online':
      while ((controller?.activity().online_agents ?? 0) < order.count)
        await new Promise((done) => setTimeout(done, 20))
      return send({ done: 'online' })
    case 'watch':
      stalls?.()
      stalls = watchStalls()
      return send({ done: 'watch' })
    case 'stalls': {
      const longestMs = stalls?.().longestMs ?? 0
      stalls = null
      return send({ done: 'stalls', longestMs })
    }
    case 'quit':
      await controller?.stop()
      send({ done: 'quit' })
      process.disconnect()
  }
}

process.on('message', (order: HistoryOrder) => {
  obey(order).catch((error: unknown) => {
    console.error(error)
    process.exit(1)
  })
})
process.on('disconnect', () => process.exit(0))
