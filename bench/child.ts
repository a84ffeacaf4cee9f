/** Child processes of a benchmark, controlled over IPC, one order at a time. */
import { fork } from 'node:child_process'
import { join } from 'node:path'

const LIMIT_MS = 300_000

export type Child<Order, Note extends { done: string }> = {
  ask: <D extends Note['done']>(order: Order, until: D) => Promise<Extract<Note, { done: D }>>
  wait: <D extends Note['done']>(until: D) => Promise<Extract<Note, { done: D }>>
  /** Exit code, or the signal that ended it. */
  ended: Promise<number | string>
  kill: () => void
}

/** @param file next to this one. Every wait ends after five minutes, or when the process ends. */
export function startChild<Order extends object, Note extends { done: string }>(
  file: string,
  execArgv: string[] = [],
): Child<Order, Note> {
  const child = fork(join(import.meta.dirname, file), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv,
  })
  child.setMaxListeners(100)
  const wait: Child<Order, Note>['wait'] = (until) =>
    new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer)
        child.off('message', onNote).off('exit', onExit)
        settle()
      }
      const timer = setTimeout(
        () => end(() => reject(new Error(`${file} did not finish "${until}" in time`))),
        LIMIT_MS,
      )
      const onNote = (note: Note) => {
        if (note.done === until) end(() => resolve(note as never))
      }
      const onExit = (code: number | null) =>
        end(() => reject(new Error(`${file} ended with ${code}`)))
      child.on('message', onNote).on('exit', onExit)
    })
  return {
    wait,
    ended: new Promise((resolve) =>
      child.once('exit', (code, signal) => resolve(code ?? signal ?? 'gone')),
    ),
    kill: () => void child.kill('SIGKILL'),
    ask: (order, until) => {
      const answer = wait(until)
      child.send(order)
      return answer
    },
  }
}
