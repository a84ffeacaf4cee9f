/** A worker thread that answers questions, one after the other. Started when first asked; one that dies is started again when next asked. */
import { Worker } from 'node:worker_threads'

export type AskWorker<Question, Answer> = {
  /** Rejects when the worker could not answer, died, or took too long; and at once when too many wait. */
  ask: (question: Question) => Promise<Answer>
  stop: () => Promise<void>
}
export type Asked<Question> = { id: number; question: Question }
export type Answered<Answer> = { id: number; answer: Answer } | { id: number; error: string }

export class TooManyWait extends Error {}

export function createAskWorker<Question, Answer>(options: {
  /** The worker's code: answers each Asked with an Answered. */
  file: string
  data: unknown
  timeoutMs: number
  /** Questions that may wait for their answer. */
  limit: number
}): AskWorker<Question, Answer> {
  type Open = { resolve: (answer: Answer) => void; reject: (error: Error) => void }
  const open = new Map<number, Open & { timer: NodeJS.Timeout }>()
  let worker: Worker | null = null
  let nextId = 0

  function settle(id: number, how: (open: Open) => void): void {
    const question = open.get(id)
    if (!question) return
    clearTimeout(question.timer)
    open.delete(id)
    how(question)
  }
  function start(): Worker {
    const started = new Worker(options.file, { workerData: options.data })
    const fail = (error: Error) => {
      if (worker !== started) return
      worker = null
      for (const id of [...open.keys()]) settle(id, ({ reject }) => reject(error))
    }
    started.on('message', (told: Answered<Answer>) =>
      settle(told.id, ({ resolve, reject }) =>
        'error' in told ? reject(new Error(told.error)) : resolve(told.answer),
      ),
    )
    started.on('error', fail)
    started.on('exit', () => fail(new Error('the worker has ended')))
    // Waiting for questions is no reason to stay alive.
    started.unref()
    return started
  }

  return {
    ask: (question) =>
      new Promise((resolve, reject) => {
        if (open.size >= options.limit) return reject(new TooManyWait('too many questions wait'))
        const id = nextId++
        const late = () =>
          settle(id, (o) => o.reject(new Error(`no answer within ${options.timeoutMs} ms`)))
        open.set(id, { resolve, reject, timer: setTimeout(late, options.timeoutMs) })
        worker ??= start()
        worker.postMessage({ id, question } satisfies Asked<Question>)
      }),
    stop: async () => {
      const stopping = worker
      worker = null
      for (const id of [...open.keys()])
        settle(id, ({ reject }) => reject(new Error('the controller stops')))
      await stopping?.terminate()
    },
  }
}
