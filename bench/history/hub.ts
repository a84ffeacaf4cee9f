/** A controller in its own process, so that only its own event-loop stalls are measured. Driven over IPC. */
import { performance } from 'node:perf_hooks'
import pino from 'pino'
import { startController, type Controller } from '../../main/controller/compose/index.ts'
import { MIGRATIONS_DIR } from '../../main/controller/test-kit/paths.ts'
import { watchStalls } from '../stalls.ts'

export type HistoryCommand =
  | { do: 'start'; dataDir: string }
  | { do: 'online'; count: number }
  | { do: 'watch' | 'stalls' | 'quit' }
export type HistoryReply =
  | { done: 'start'; console: string; hubPort: number; fingerprint: string; startMs: number }
  | { done: 'online' | 'watch' | 'quit' }
  | { done: 'stalls'; longestMs: number }

let controller: Controller | null = null
let stalls: ReturnType<typeof watchStalls> | null = null
const send = (reply: HistoryReply) => void process.send?.(reply)

async function handle(command: HistoryCommand): Promise<void> {
  switch (command.do) {
    case 'start': {
      const startMs = performance.now()
      controller = await startController({
        dataDir: command.dataDir,
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
      while ((controller?.activity().online_agents ?? 0) < command.count)
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

process.on('message', (command: HistoryCommand) => {
  handle(command).catch((error: unknown) => {
    console.error(error)
    process.exit(1)
  })
})
process.on('disconnect', () => process.exit(0))
