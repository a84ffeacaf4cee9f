/** Archives and the platforms that cannot extract them: test cases for both the controller and the agent. */
import type { ArchiveItem } from './archive-rule.ts'
import type { DevicePlatform } from './platforms.ts'

export type ArchiveCase = {
  what: string
  items: ArchiveItem[]
  /** The platforms that refuse it, and part of the message. */
  refused: Partial<Record<DevicePlatform, string>>
}

const file = (name: string): ArchiveItem => ({ name, type: 'file' })
const folder = (name: string): ArchiveItem => ({ name, type: 'folder' })
const link = (name: string, target: string): ArchiveItem => ({ name, type: 'link', target })
const hardlink = (name: string, target: string): ArchiveItem => ({ name, type: 'hardlink', target })

const everywhere = (words: string): ArchiveCase['refused'] => ({
  linux: words,
  macos: words,
  windows: words,
})
/** For archives with links, which Windows always refuses. */
const onUnix = (words: string): ArchiveCase['refused'] => ({
  linux: words,
  macos: words,
  windows: 'it contains links',
})
const BOTH = 'both as a folder and as something else'
const SAME = 'two entries of the same name'
const NO_FILE = 'does not name an earlier file'
const LONG = 'ü'.repeat(128)

export const ARCHIVE_CASES: ArchiveCase[] = [
  { what: 'a file where a folder is', items: [file('a/b'), file('a')], refused: everywhere(BOTH) },
  { what: 'a folder where a file is', items: [file('a'), folder('a/')], refused: everywhere(BOTH) },
  { what: 'a file in a file', items: [file('a'), file('a/b')], refused: everywhere(BOTH) },
  { what: 'a folder in a file', items: [file('a'), folder('a/b/')], refused: everywhere(BOTH) },
  { what: 'a file in a link', items: [link('a', 'b'), file('a/c')], refused: onUnix(BOTH) },
  { what: 'a link where a folder is', items: [file('a/b'), link('a', 'c')], refused: onUnix(BOTH) },
  {
    what: 'a folder where a link is',
    items: [link('a', 'c'), folder('a/')],
    refused: onUnix(BOTH),
  },
  { what: 'a link where a file is', items: [file('a'), link('a', 'b')], refused: onUnix(SAME) },
  { what: 'a file where a link is', items: [link('a', 'b'), file('a')], refused: onUnix(SAME) },
  {
    what: 'two links of one name',
    items: [link('a', 'b'), link('./a', 'c')],
    refused: onUnix(SAME),
  },
  { what: 'two files of one name', items: [file('a'), file('./a')], refused: everywhere(SAME) },
  {
    what: 'a hard link where a file is',
    items: [file('a'), file('b'), hardlink('b', 'a')],
    refused: everywhere(SAME),
  },
  {
    what: 'a hard link to a link',
    items: [link('a', 'b'), hardlink('c', 'a')],
    refused: onUnix(NO_FILE),
  },
  {
    what: 'a hard link to a folder',
    items: [file('a/b'), hardlink('c', 'a')],
    refused: everywhere(NO_FILE),
  },
  {
    what: 'a hard link to what comes later',
    items: [hardlink('c', 'a'), file('a')],
    refused: everywhere(NO_FILE),
  },
  {
    what: 'a link with a target that is too long',
    items: [file('b'), link('a', './'.repeat(600) + 'b')],
    refused: onUnix('too long'),
  },
  { what: 'a file without a name', items: [file('./'), file('a')], refused: everywhere('no name') },
  {
    what: 'two spellings of a file',
    items: [file('Read'), file('read')],
    refused: { windows: 'the same on Windows', macos: 'the same on macOS' },
  },
  {
    what: 'two spellings, a folder and a file',
    items: [file('Bin/x'), file('bin')],
    refused: { windows: BOTH, macos: BOTH },
  },
  {
    what: 'one name composed in two ways',
    items: [file('\u00fc'), file('u\u0308')],
    refused: { macos: 'the same on macOS' },
  },
  {
    what: 'a name of more than 255 bytes',
    items: [file(`d/${LONG}`)],
    refused: { linux: 'too long for Linux', macos: 'too long for macOS' },
  },
  {
    what: 'a device of Windows',
    items: [file('a/NUL.txt')],
    refused: { windows: 'does not allow the name' },
  },
  {
    what: 'links',
    items: [file('a/b'), link('c', 'a/b'), link('a/d', '../c')],
    refused: { windows: 'it contains links' },
  },
  {
    what: 'a folder twice',
    items: [folder('./'), folder('a/'), file('a/b'), folder('a')],
    refused: {},
  },
  { what: 'one folder in two spellings', items: [file('A/b'), file('a/c')], refused: {} },
  {
    what: 'a hard link',
    items: [file('a/b'), hardlink('c', './a/b'), hardlink('d', 'c')],
    refused: {},
  },
]
