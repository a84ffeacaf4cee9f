/** Questions to the person at the keyboard, or to a program that answers through a pipe. */
import { createInterface } from 'node:readline'

export type Terminal = {
  print: (line: string) => void
  /** The line that was typed, trimmed; null without an answer: end of input, timeout, or the signal. */
  ask: (question: string, limitMs: number, signal?: AbortSignal) => Promise<string | null>
  close: () => void
}

/** Replaces control and other invisible characters with `?`, because names come from the network. */
export const printable = (text: string): string => text.replace(/\p{C}/gu, '?')

export function openTerminal(
  input: NodeJS.ReadableStream = process.stdin,
  output: NodeJS.WritableStream = process.stdout,
): Terminal {
  const lines: string[] = []
  let isEnded = false
  let wake: () => void = () => undefined
  const reader = createInterface({ input, terminal: false })
  reader.on('line', (line) => {
    // Drop further lines, so that a program on the pipe cannot fill the memory.
    if (lines.length < 16) lines.push(line.slice(0, 256))
    wake()
  })
  reader.on('close', () => {
    isEnded = true
    wake()
  })
  return {
    print: (line) => void output.write(`${line}\n`),
    async ask(question, limitMs, signal) {
      output.write(`${question} `)
      const end = AbortSignal.any([AbortSignal.timeout(limitMs), ...(signal ? [signal] : [])])
      while (lines.length === 0 && !isEnded && !end.aborted)
        await new Promise<void>((resolve) => {
          wake = resolve
          end.addEventListener('abort', () => resolve(), { once: true })
        })
      const answer = end.aborted ? null : (lines.shift()?.trim() ?? null)
      if (answer === null) output.write('\n')
      return answer
    },
    close: () => reader.close(),
  }
}
