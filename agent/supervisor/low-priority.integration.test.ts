/** How much of the PC a real installer of a real agent may use. Linux only. */
import { existsSync } from 'node:fs'
import { getPriority } from 'node:os'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { setStage, type Stage } from '../test-kit/stage.ts'
import { INSTALLER_NICE } from './low-priority.ts'

let stage: Stage
beforeEach(async () => {
  stage = await setStage()
})
afterEach(() => stage.clear())

it.runIf(process.platform === 'linux')(
  'runs an installer and its children with low priority, but not the agent itself',
  async () => {
    const agent = await stage.connect()
    const script = [
      '#!/bin/sh',
      // The 19th field of stat, after the name in brackets.
      'nice_of() { sed "s/.*) //" "/proc/$1/stat" | cut -d" " -f17; }',
      'echo "installer $(nice_of $$)"',
      'sleep 2 & echo "child $(nice_of $!)"',
      'command -v ionice > /dev/null && echo "disk $(ionice -p $$)"',
      'exit 0',
    ]
    const command = stage.hub.payload({ content: Buffer.from(script.join('\n')) })
    await stage.hub.deploy(command)
    expect(await stage.hub.result(command)).toMatchObject({ status: 'success' })
    const output = await stage.hub.until('its output', () => stage.hub.outputOf(command))
    const expected = Math.max(INSTALLER_NICE, getPriority())
    expect(output).toContain(`installer ${expected}\n`)
    expect(output).toContain(`child ${expected}\n`)
    if (existsSync('/usr/bin/ionice')) expect(output).toContain('disk best-effort: prio 7\n')
    expect(getPriority(agent.process.pid)).toBe(getPriority())
  },
)
