/** Hostile texts from other programs and vendors: all of them are read in linear time. */
import { expect, it } from 'vitest'
import { splitArguments } from '#shared/domain/argv.ts'
import { quoteArgument } from '#shared/domain/command-line.ts'
import { compareDotted } from '#shared/domain/versions.ts'
import { parseResponseHead } from '../download/response-head.ts'
import { interpreterOf } from '../install/script.ts'
import { explainOutput } from '../install/tool-errors.ts'
import { splitCommandLine } from '../install/windows/remove.ts'
import { parseDpkg } from '../inventory/linux/packages.ts'
import { parsePrintedValues } from '../inventory/windows/registry.ts'
import { parseUninstall } from '../inventory/windows/windows.ts'
import { parseServiceState } from '../service/managers.ts'

/** A quadratic reader takes minutes for this many. */
const MANY = 400_000
const LIMIT_MS = 20_000

const maintainer = (text: string): unknown =>
  parseDpkg(`installed\ttool\tall\t1.0\t${text}\n`)[0]?.publisher

it.each<[string, () => unknown]>([
  ['a maintainer of opening brackets', () => maintainer('<'.repeat(MANY) + '> x')],
  ['a maintainer of spaces', () => maintainer('a' + ' '.repeat(MANY) + 'b')],
  ['a printed value of gaps', () => parsePrintedValues('    ' + '    REG_SZ'.repeat(MANY / 10))],
  [
    'a path of the registry',
    () => parseUninstall([{ path: '\\Uninstall\\'.repeat(MANY / 10), values: new Map() }], '64'),
  ],
  [
    'a header of spaces',
    () => parseResponseHead(Buffer.from(`HTTP/1.1 404\r\na:${' '.repeat(MANY)}x`)),
  ],
  ['a command line of spaces', () => splitCommandLine('a.exe' + ' '.repeat(MANY) + 'x\n')],
  ['a command line of programs', () => splitCommandLine('.exe'.repeat(MANY / 4))],
  ['a first line of spaces', () => interpreterOf('#!/bin/sh ' + ' '.repeat(MANY) + 'x')],
  ['lines of spaces', () => parseServiceState(' \n'.repeat(MANY / 2))],
  ['an output of escape sequences', () => explainOutput('deb', '\u001b[0'.repeat(MANY / 3))],
  ['an argument of backslashes', () => quoteArgument(' ' + '\\'.repeat(MANY) + 'x')],
  ['arguments of spaces', () => splitArguments(' '.repeat(MANY) + '/D', 'windows', 'exe')],
  ['a version of brackets', () => compareDotted('('.repeat(MANY), '1')],
])('%s', (_what, read) => {
  const startedAt = performance.now()
  read()
  expect(performance.now() - startedAt).toBeLessThan(LIMIT_MS)
})

it('removes the address from a maintainer, whatever else there is', () => {
  expect(maintainer('Jane Doe <jane@example.test>')).toBe('Jane Doe')
  expect(maintainer('Jane Doe <jane@example.test')).toBe('Jane Doe')
  expect(maintainer('A <a@b> B <b@c>')).toBe('A <a@b> B')
  expect(maintainer('A <a@b> B')).toBe('A <a@b> B')
  expect(maintainer('<only@example.test>')).toBeNull()
})
