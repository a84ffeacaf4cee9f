/**
 * The script for disk images with stand-ins for macOS programs: tests the order of its steps, not the
 * behaviour of macOS.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { makeFolder } from '../../test-kit/agent-process.ts'
import { dmgCommand } from './commands.ts'

let work: ReturnType<typeof makeFolder>
beforeEach(() => {
  work = makeFolder()
  for (const folder of ['bin', 'image', 'Applications']) mkdirSync(join(work.path, folder))
  // attach: shows the contents of `image` at the mount point and asks like hdiutil; detach: refuses as often
  // as configured.
  standIn(
    'hdiutil',
    `for mount; do :; done
if [ "$1" = attach ]; then
  read answer; echo "licence: $answer"
  [ "$7" = "${work.path}/my image.dmg" ] || exit 9
  cp -R ${work.path}/image/. "$6/"
else
  echo "$*" | sed "s,/tmp/.*,MOUNT," >> ${work.path}/detached
  if [ -e ${work.path}/busy ] && [ "$2" != -force ]; then exit 16; fi
  rm -rf "$mount"/*
fi`,
  )
  standIn('ditto', 'cp -R "$1" "$2"')
  standIn(
    'installer',
    `echo "installer $*" | sed "s,/tmp/[^/]*,MOUNT," ; exit \${INSTALLER_CODE:-0}`,
  )
  standIn('sleep', 'true')
})
afterEach(() => work.remove())

function standIn(name: string, text: string): void {
  writeFileSync(join(work.path, 'bin', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
}
function run(env: Record<string, string> = {}) {
  const { file, args } = dmgCommand(
    join(work.path, 'my image.dmg'),
    join(work.path, 'Applications'),
  )
  const before = mounts()
  const ended = spawnSync(file, args, {
    env: { PATH: join(work.path, 'bin') + delimiter + (process.env['PATH'] ?? ''), ...env },
    encoding: 'utf8',
    timeout: 10_000,
  })
  expect(mounts(), 'mount points that are left').toEqual(before)
  return { code: ended.status, output: ended.stdout + ended.stderr }
}
const mounts = (): string[] => readdirSync(tmpdir()).filter((name) => /^deployx\.\w{6}$/.test(name))
const detached = (): string[] =>
  readFileSync(join(work.path, 'detached'), 'utf8').trim().split('\n')
const addApp = (folder: string, file: string): void => {
  mkdirSync(join(work.path, folder, 'My Tool.app'), { recursive: true })
  writeFileSync(join(work.path, folder, 'My Tool.app', file), file)
}

it('replaces the older app completely', () => {
  addApp('image', 'new')
  addApp('Applications', 'old')
  expect(run()).toMatchObject({ code: 0, output: expect.stringContaining('licence: y') as string })
  expect(readdirSync(join(work.path, 'Applications'))).toEqual(['My Tool.app'])
  expect(readdirSync(join(work.path, 'Applications', 'My Tool.app'))).toEqual(['new'])
  expect(detached()).toEqual(['detach MOUNT'])
})

it('installs a package rather than an app, and ends with the exit code of the installer', () => {
  addApp('image', 'new')
  writeFileSync(join(work.path, 'image', 'my setup.pkg'), '')
  expect(run()).toMatchObject({ code: 0 })
  const failed = run({ INSTALLER_CODE: '1' })
  expect(failed).toMatchObject({ code: 1 })
  expect(failed.output).toContain('installer -pkg MOUNT/my setup.pkg -target /')
  expect(existsSync(join(work.path, 'Applications', 'My Tool.app'))).toBe(false)
  expect(detached()).toHaveLength(2)
})

it('forces the detach if the image stays busy, and still reports the result', () => {
  addApp('image', 'new')
  writeFileSync(join(work.path, 'busy'), '')
  expect(run()).toMatchObject({ code: 0 })
  expect(detached()).toEqual([
    ...Array.from({ length: 5 }, () => 'detach MOUNT'),
    'detach -force MOUNT',
  ])
})

it('reports that there is nothing to install, and keeps the installed app if the copy fails', () => {
  expect(run()).toMatchObject({
    code: 1,
    output: expect.stringContaining('neither a package') as string,
  })
  addApp('image', 'new')
  addApp('Applications', 'old')
  standIn('ditto', 'mkdir "$2"; exit 1')
  expect(run()).toMatchObject({ code: 1 })
  expect(readdirSync(join(work.path, 'Applications'))).toEqual(['My Tool.app'])
  expect(readdirSync(join(work.path, 'Applications', 'My Tool.app'))).toEqual(['old'])
})
