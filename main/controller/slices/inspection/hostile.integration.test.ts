/** Any file gets an answer within the limits, while the main thread keeps running. */
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { AppError } from '#shared/contract/errors.ts'
import {
  binaryPlist,
  infoPlist,
  makeDmg,
  makeHfsPlus,
  makeIso,
} from '../../test-kit/disk-images.ts'
import { hostileFiles, makeZip } from '../../test-kit/hostile-files.ts'
import { openInspector } from '../../test-kit/inspector.ts'
import { makePkg, makeXar } from '../../test-kit/macos-packages.ts'
import {
  CONTROL,
  CONTROL_TAR_XZ,
  CONTROL_TAR_ZST,
  makeDeb,
  makeRpm,
  makeTar,
} from '../../test-kit/packages.ts'
import { makeInnoInstaller } from '../../test-kit/windows/inno.ts'
import { HKLM, makeNsisInstaller } from '../../test-kit/windows/nsis.ts'
import { makeMsiBytes, makeProgram, type MsiTable } from '../../test-kit/windows-packages.ts'

/** A pause of the main thread that no busy machine explains; the faults that this guards against lasted 6 to 18 s. */
const PAUSE_MS = 2_000
/** The product's limit, plus time for the thread to start and end on a busy machine. */
const ANSWER_MS = 5_000 + 15_000

const inspector = openInspector()
afterAll(() => inspector.close())

/** Inspects the file; a refusal counts as an answer. @returns the longest pause of this thread and the whole time, ms */
async function measure(name: string, bytes: Buffer) {
  let pauseMs = 0
  const beganMs = performance.now()
  let lastMs = beganMs
  const tick = (): void => {
    const nowMs = performance.now()
    pauseMs = Math.max(pauseMs, nowMs - lastMs)
    lastMs = nowMs
  }
  const looking = inspector.look(name, bytes)
  lastMs = performance.now() // after the test itself has written the file
  const timer = setInterval(tick, 1)
  const answer = await looking.catch((error: unknown) => error)
  clearInterval(timer)
  tick()
  if (answer instanceof Error) {
    expect(answer).toBeInstanceOf(AppError)
    expect(['E_PACKAGE_UNREADABLE', 'E_PACKAGE_LIMIT']).toContain((answer as AppError).code)
  }
  expect(inspector.faults).toEqual([])
  return { pauseMs, wholeMs: performance.now() - beganMs }
}

describe('files made to stop their reader', async () => {
  const files = await hostileFiles(256)
  it.each(files)('$name: $what', async ({ name, bytes }) => {
    const { pauseMs, wholeMs } = await measure(name, bytes)
    expect(pauseMs).toBeLessThan(PAUSE_MS)
    expect(wholeMs).toBeLessThan(ANSWER_MS)
  })
})

/** Mutations of a file: changed bytes, extreme numbers, a part of it repeated many times, a cut. */
const change = fc.oneof(
  fc.record({ do: fc.constant('bytes' as const), at: fc.nat(), bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }) }), // prettier-ignore
  fc.record({ do: fc.constant('number' as const), at: fc.nat(), value: fc.constantFrom(0, 1, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff), big: fc.boolean() }), // prettier-ignore
  fc.record({ do: fc.constant('repeat' as const), at: fc.nat(), length: fc.integer({ min: 1, max: 64 }), times: fc.integer({ min: 2, max: 40_000 }) }), // prettier-ignore
  fc.record({ do: fc.constant('cut' as const), at: fc.nat() }),
)
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never

function changed(whole: Buffer, changes: readonly Change[]): Buffer {
  let bytes = Buffer.from(whole)
  for (const one of changes) {
    const at = one.at % Math.max(1, bytes.length)
    switch (one.do) {
      case 'bytes':
        Buffer.from(one.bytes).copy(bytes, at)
        break
      case 'number':
        if (at + 4 > bytes.length) break
        if (one.big) bytes.writeUInt32BE(one.value, at)
        else bytes.writeUInt32LE(one.value, at)
        break
      case 'repeat': {
        const piece = bytes.subarray(at, at + one.length)
        const many = Buffer.alloc(piece.length * one.times, piece)
        bytes = Buffer.concat([bytes.subarray(0, at), many, bytes.subarray(at)])
        break
      }
      case 'cut':
        bytes = bytes.subarray(0, at)
    }
  }
  return bytes
}

const PRODUCT = { ProductName: 'Name', ProductVersion: '1', ProductCode: '{11111111-2222-3333-4444-555555555555}' } // prettier-ignore
const TOC =
  '<?xml version="1.0"?><xar><toc><file id="1"><data><length>5</length><encoding style="application/x-gzip"/><offset>0</offset></data><type>file</type><name>Distribution</name></file></toc></xar>'
const DISTRIBUTION =
  '<!-- x --><installer-gui-script><title>A &amp; <![CDATA[B]]></title><options hostArchitectures="arm64"/><pkg-ref id="a.b" version=\'1\' installKBytes="4">#a</pkg-ref></installer-gui-script>'

const PACKAGE_INFO = '<pkg-info identifier="a.b" version="1"><payload installKBytes="1"/><bundle path="./A.app"/></pkg-info>' // prettier-ignore
const MSI_TABLES: MsiTable[] = [
  { name: 'LaunchCondition', columns: { Condition: 's', Description: 's' }, rows: [['KEY OR (Installed AND NOT (A >< "b"))', 'x']] }, // prettier-ignore
  { name: 'Component', columns: { Component: 's', Attributes: 'i' }, rows: [['a', 256]] },
  { name: 'CustomAction', columns: { Action: 's', Type: 'i', Source: 's', Target: 's' }, rows: [['a', 51, 'ALLUSERS', '1']] }, // prettier-ignore
  { name: 'InstallExecuteSequence', columns: { Action: 's', Condition: 's', Sequence: 'i' }, rows: [['a', '', 50]] }, // prettier-ignore
]

/** Files of every kind, and the part of them that is changed: the whole, or what is packed inside. */
const subjects: [
  name: string,
  whole: () => Promise<Buffer> | Buffer,
  pack?: (inner: Buffer) => Promise<Buffer> | Buffer,
][] =
  // prettier-ignore
  [
    ['a.msi', () => makeMsiBytes({ properties: PRODUCT, template: 'x64;1033' })],
    ['a.msi', () => makeMsiBytes({ properties: PRODUCT, template: 'x64;1033', tables: MSI_TABLES })],
    ['a.exe', () => makeProgram({ strings: { ProductName: 'Name', CompanyName: 'Maker' } })],
    ['nsis.exe', () => makeNsisInstaller({ instructions: [[25, 3, '1', '', ''], [26, '$3', '1', 4, 0, 0], [2, 1], [51, HKLM, 'Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\A', 'DisplayName', '$3', 1]] })],
    ['inno.exe', () => makeInnoInstaller({ texts: { AppName: 'A', AppId: 'A' } })],
    ['squirrel.exe', () => makeProgram({ strings: {}, resources: [{ type: 'DATA', name: 131, bytes: makeZip(20, (i) => (i ? `lib/${i}.exe` : 'RELEASES')) }] })],
    ['jpackage.exe', () => makeProgram({ strings: {}, resources: [{ type: 10, name: 'MSI', bytes: makeMsiBytes({ properties: PRODUCT, template: 'x64;1033' }) }] })],
    ['a.rpm', () => makeRpm()],
    ['a.deb', () => makeDeb()],
    ['a.deb', () => Buffer.from(CONTROL), (inner) => makeDeb({ control: inner.toString('utf8') })],
    ['a.deb', () => CONTROL_TAR_XZ, (bytes) => makeDeb({ controlMember: { name: 'control.tar.xz', bytes } })], // prettier-ignore
    ['a.deb', () => CONTROL_TAR_ZST, (bytes) => makeDeb({ controlMember: { name: 'control.tar.zst', bytes } })], // prettier-ignore
    ['a.deb', () => makeTar({ control: CONTROL }), (bytes) => makeDeb({ controlMember: { name: 'control.tar', bytes } })], // prettier-ignore
    ['a.pkg', () => makePkg([{ name: 'Distribution', text: DISTRIBUTION }])],
    ['a.pkg', () => Buffer.from(TOC), (inner) => makeXar(inner)],
    ['a.pkg', () => Buffer.from(DISTRIBUTION), (inner) => makePkg([{ name: 'Distribution', text: inner.toString('utf8') }])], // prettier-ignore
    ['a.pkg', () => makePkg([{ name: 'PackageInfo', text: PACKAGE_INFO, folder: 'a.pkg' }])],
    ['a.zip', () => makeZip(20, (i) => `folder/${i}.sh`)],
    ['a.tar', () => makeTar({ 'a/install.sh': 'exit 0', 'a/b': 'x'.repeat(600) })],
    ['a.dmg', () => Buffer.concat([Buffer.alloc(64), Buffer.from('koly'), Buffer.alloc(508)])],
    ['a.dmg', () => makeDmg(makeIso('A.app', infoPlist('A', '1')), 0x80000005)],
    ['a.dmg', () => makeHfsPlus('A.app', binaryPlist({ CFBundleName: 'A', CFBundleVersion: '1' }))],
    ['a.dmg', () => makeHfsPlus('A.app', infoPlist('A', '1')), (inner) => makeDmg(inner)],
    ['a.AppImage', () => Buffer.from('7f454c46020101004149020000000000'.padEnd(512, '0'), 'hex')],
    ['a.AppImage', () => Buffer.from('7f454c46020101'.padEnd(128, '0'), 'hex')],
    ['a.sh', () => Buffer.from('#!/bin/sh\nexit 0\n')],
    ['a.run', () => Buffer.from('#!/bin/sh\n# This script was generated using Makeself 2.4.5\nlabel="A 1"\nfilesizes="4"\nskip="5"\nabcd')],
    ['a.ps1', () => Buffer.from('\ufeffWrite-Output 1', 'utf16le')],
  ]

describe('a changed file', () => {
  it.each(subjects)(
    '%s is answered in time, however it was changed (%#)',
    async (name, whole, pack) => {
      const sound = await whole()
      let longestMs = 0
      await fc.assert(
        fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
          const inner = changed(sound, changes)
          const { pauseMs, wholeMs } = await measure(name, pack ? await pack(inner) : inner)
          longestMs = Math.max(longestMs, pauseMs)
          expect(wholeMs).toBeLessThan(ANSWER_MS)
        }),
        { numRuns: 40, endOnFailure: true },
      )
      expect(longestMs).toBeLessThan(PAUSE_MS)
    },
  )
})
