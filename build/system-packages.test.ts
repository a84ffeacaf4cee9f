import { expect, it } from 'vitest'
import { ensureSystemPackages, systemPackagesCommand } from './system-packages.ts'
import type { System } from './system-packages.ts'

const installedLine = (name: string) => `${name} installed\n`

/** A Debian that has `present`; installing works unless `installs` is false. */
function debian(options: {
  present: string[]
  known?: string[]
  isRoot?: boolean
  platform?: string
  installs?: (attempt: number) => boolean
}) {
  const present = new Set(options.present)
  const commands: string[] = []
  let attempts = 0
  const system: System = {
    platform: options.platform ?? 'linux',
    isRoot: options.isRoot ?? true,
    async run(command, args) {
      const verb = args.find((arg) => ['install', 'update', 'policy'].includes(arg))
      commands.push(verb ? `${command} ${verb}` : command)
      if (command === 'dpkg-query') {
        const stdout = [...present].map(installedLine).join('')
        return { code: 1, stdout: `${stdout}xvfb not-installed\n`, stderr: '' }
      }
      if (verb === 'policy') {
        const known = options.known ?? args.slice(1)
        const stdout = known.map((name) => `${name}:\n  Candidate: 1.0\n`).join('')
        return { code: 0, stdout, stderr: '' }
      }
      if (verb === 'install') {
        attempts += 1
        if (!(options.installs?.(attempts) ?? true)) {
          return { code: 100, stdout: '', stderr: 'E: no network\n' }
        }
        args.slice(args.indexOf('--no-install-recommends') + 1).forEach((name) => present.add(name))
      }
      return { code: 0, stdout: '', stderr: '' }
    },
  }
  return { system, commands }
}

it('does nothing when everything is installed', async () => {
  const { system, commands } = debian({ present: ['xvfb', 'xauth'] })
  const result = await ensureSystemPackages(['display'], undefined, system)
  expect(result).toEqual({ ok: true, installed: [], missing: [] })
  expect(commands).toEqual(['dpkg-query'])
})

it('installs only what is missing, without updating the package lists', async () => {
  const { system, commands } = debian({ present: ['xauth'] })
  const result = await ensureSystemPackages(['display'], undefined, system)
  expect(result).toEqual({ ok: true, installed: ['xvfb'], missing: [] })
  expect(commands).not.toContain('apt-get update')
})

it('updates the package lists once when installing fails', async () => {
  const { system, commands } = debian({ present: [], installs: (attempt) => attempt === 2 })
  const result = await ensureSystemPackages(['display'], undefined, system)
  expect(result.ok).toBe(true)
  expect(commands.filter((command) => command === 'apt-get update')).toHaveLength(1)
})

it('gives up if installing fails again, with the reason and a command to copy', async () => {
  const { system, commands } = debian({ present: [], installs: () => false })
  const result = await ensureSystemPackages(['display'], undefined, system)
  expect(result).toMatchObject({ ok: false, missing: ['xvfb', 'xauth'] })
  expect(result.hint).toContain('apt-get install -y --no-install-recommends xvfb xauth')
  expect(result.hint).toContain('E: no network')
  expect(commands.filter((command) => command === 'apt-get install')).toHaveLength(2)
})

it('changes nothing without root', async () => {
  const { system, commands } = debian({ present: [], isRoot: false })
  const result = await ensureSystemPackages(['display'], undefined, system)
  expect(result.ok).toBe(false)
  expect(result.hint).toContain('sudo apt-get install')
  expect(commands).toEqual(['dpkg-query'])
})

it('accepts the package names of newer releases', async () => {
  const there = debian({ present: ['gcc', 'libc6-devt64'] })
  expect((await ensureSystemPackages(['compiler'], undefined, there.system)).ok).toBe(true)

  const { system } = debian({ present: ['gcc'], known: ['libc6-devt64'] })
  const result = await ensureSystemPackages(['compiler'], undefined, system)
  expect(result).toMatchObject({ ok: true, installed: ['libc6-dev'] })
})

it('does nothing on other systems', async () => {
  const mac = debian({ present: [], platform: 'darwin' })
  expect((await ensureSystemPackages(undefined, undefined, mac.system)).ok).toBe(true)
  expect(mac.commands).toEqual([])

  const fedora: System = {
    platform: 'linux',
    isRoot: true,
    run: async () => Promise.reject(new Error('spawn dpkg-query ENOENT')),
  }
  expect((await ensureSystemPackages(undefined, undefined, fedora)).ok).toBe(true)
})

it('prints one line for everything', () => {
  const line = systemPackagesCommand()
  for (const name of ['libgtk-3-0', 'libnss3', 'xvfb', 'python3-dbus', 'gcc']) {
    expect(line.split(' ')).toContain(name)
  }
})
