/**
 * A worker thread that answers requests, one at a time. Started by the first request; if it dies,
 * the next request starts it again.
 */
import type { Cancel, Clock } from '#shared/node/clock.ts'
import { Worker } from 'node:worker_threads'

export type AskWorker<Question, Answer> = {
  /**
   * Rejects if the worker cannot answer, dies or takes too long; and immediately if too many
   * requests wait.
   */
  ask: (question: Question) => Promise<Answer>
  stop: () => Promise<void>
}
export type WorkerRequest<Question> = { id: number; question: Question }
export type WorkerReply<Answer> = { id: number; answer: Answer } | { id: number; error: string }

export class TooManyRequests extends Error {}

export function createAskWorker<Question, Answer>(options: {
  /** The worker's code: answers each WorkerRequest with a WorkerReply. */
  file: string
  data: unknown
  timeoutMs: number
  /** Requests that may wait for a reply. */
  limit: number
  clock: Pick<Clock, 'setTimer'>
}): AskWorker<Question, Answer> {
  type Open = { resolve: (answer: Answer) => void; reject: (error: Error) => void }
  const open = new Map<number, Open & { cancelTimer: Cancel }>()
  let worker: Worker | null = null
  let nextId = 0

  function settle(id: number, how: (open: Open) => void): void {
    const question = open.get(id)
    if (!question) return
    question.cancelTimer()
    open.delete(id)
    if (open.size === 0) worker?.unref()
    how(question)
  }
  function start(): Worker {
    const started = new Worker(options.file, { workerData: options.data })
    const fail = (error: Error) => {
      if (worker !== started) return
      worker = null
      for (const id of [...open.keys()]) settle(id, ({ reject }) => reject(error))
    }
    started.on('message', (reply: WorkerReply<Answer>) =>
      settle(reply.id, ({ resolve, reject }) =>
        'error' in reply ? reject(new Error(reply.error)) : resolve(reply.answer),
      ),
    )
    started.on('error', fail)
    started.on('exit', () => fail(new Error('the worker has ended')))
    return started
  }

  return {
    ask: (question) =>
      new Promise((resolve, reject) => {
        if (open.size >= options.limit)
          return reject(new TooManyRequests('too many requests are waiting'))
        const id = nextId++
        const onTimeout = () =>
          settle(id, (o) => o.reject(new Error(`no answer within ${options.timeoutMs} ms`)))
        open.set(id, {
          resolve,
          reject,
          cancelTimer: options.clock.setTimer(options.timeoutMs, onTimeout),
        })
        worker ??= start()
        // Keep the process running while a request is open, but not for an idle worker.
        worker.ref()
        worker.postMessage({ id, question } satisfies WorkerRequest<Question>)
      }),
    stop: async () => {
      const stopping = worker
      worker = null
      for (const id of [...open.keys()])
        settle(id, ({ reject }) => reject(new Error('the controller is stopping')))
      await stopping?.terminate()
    },
  }
}
