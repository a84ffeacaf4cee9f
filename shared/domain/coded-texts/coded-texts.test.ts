import { describe, expect, it } from 'vitest'
import { coded, readCoded, TEXT_LIMIT, type CodedText } from './codes.ts'
import { compose, composeWith, ENGLISH } from './compose.ts'

const examples: [CodedText, string][] = [
  [
    coded('no_sign_of_life', { device: 'RECEPTION', n: 2 }),
    'RECEPTION has not responded for 2 minutes. If it reports a result later, the result is recorded here.',
  ],
  [coded('installed', { exit_code: 0 }), 'Installed. Exit code 0.'],
  [
    coded('installed', {
      exit_code: 0,
      asks_restart: 1,
      rule_unchecked: 1,
      removed: 'office 1.0, mail 2',
      removed_more: 3,
      downgraded: 'libc 2 to 1',
    }),
    'Installed. The package requests a restart of this PC. It also removed office 1.0, mail 2 and 3 more and downgraded libc 2 to 1. Exit code 0. The detection rule could not be checked on this PC.',
  ],
  [
    coded('installed', {
      exit_code: 0,
      cause: 'cause_rpm_script',
      script: 'post',
      status: '3',
      line: 'warning: x',
    }),
    'Installed. Not all of it worked: A script of the package failed (%post, status 3). It reported: “warning: x”. Exit code 0.',
  ],
  [
    coded('installed', { exit_code: 0, rule_unchecked: 1, for_one_user: 1 }),
    'Installed. Exit code 0. The detection rule could not be checked on this PC. It installs for one user: run by the agent, it landed in a profile that nobody uses. Look for an installer for the whole PC, or for an argument that makes it one.',
  ],
  [
    coded('removed_restart', { exit_code: 3010 }),
    'Removed. A restart of this PC completes it (exit code 3010).',
  ],
  [
    coded('installer_failed', {
      kind: 'msi',
      exit_code: -2147023294,
      line: 'Error 1925',
      removed: 'a 1',
    }),
    'The installer failed with exit code 0x80070642: the installation was cancelled. It reported: “Error 1925”. It may also have removed a 1.',
  ],
  [
    coded('installed_despite_exit_code', { kind: 'exe', exit_code: 5 }),
    'Installed: the installer failed with exit code 5 (access denied), but the detection rule finds the software.',
  ],
  [coded('ended_by_signal', {}), 'The installer was ended by an unknown signal.'],
  [
    coded('interrupted', { rule: 'rule_unknown' }),
    'The installer was interrupted and its exit code is not known. Check the software on this PC before you try again.',
  ],
  [
    coded('side_effects_of_removal', { removed: 'helper 1.0' }),
    'Nothing was changed: this would also remove helper 1.0 on this PC. Allow it in the deployment if this is intended.',
  ],
  [
    coded('dpkg_cannot_read', {}),
    'dpkg-deb cannot read the package on this PC. It reported no reason.',
  ],
  [
    coded('fetch_failed', { tries: 3, problem: 'problem_answer', answer: '500 Oops' }),
    'The package could not be fetched in 3 tries: the server answered 500 Oops.',
  ],
  [
    coded('archive_refused', { problem: 'archive_name_refused', name: '"a:b"', system: 'Windows' }),
    'The archive is not extracted: Windows does not allow the name "a:b".',
  ],
  [
    coded('removal_needs_file', { software: 'Tools' }),
    'Tools cannot be removed: no file in its archive was chosen to remove it.',
  ],
  [
    coded('check_database_empty', { file: 'deployx.db', keys: 1, packages: 1, log: 1 }),
    'The database deployx.db is empty, but its folder contains keys, packages and a log of the database.',
  ],
  [
    coded('withdrawal_refused', {
      refusal: 'restart_tool_failed_saying',
      exit_code: 1,
      line: 'no such unit',
    }),
    'It could not be withdrawn yet: The restart command failed: exit code 1: no such unit',
  ],
  [
    coded('fetch_no_answer', { host: 'files.example', seconds: 15 }),
    'files.example did not answer within 15 seconds.',
  ],
  [
    coded('refused', { refusal: 'kind_unsupported', kind: 'msi' }),
    'The agent refused the command: This PC does not run .msi installers.',
  ],
]

describe('a coded text', () => {
  it.each(examples)('$code is composed in English', (text, english) => {
    expect(compose(text)).toBe(english)
  })
  it.each(examples)('$code is read as it was sent', (text) => {
    expect(readCoded(text.code, JSON.parse(JSON.stringify(text.params)))).toEqual(text)
  })
  it('consists of the same sentences in another language', () => {
    const text = coded('installer_failed', {
      kind: 'deb',
      exit_code: 100,
      cause: 'cause_needs_root',
    })
    const keys: string[] = []
    composeWith(text, (key) => (keys.push(key), ''))
    expect(keys).toEqual(['installer_failed', 'cause_needs_root'])
  })
  it('shows hostile parameters as they are', () => {
    const hostile = "{n} <script> %s $& {'x'} | @:ready"
    expect(compose(coded('offline', { device: hostile }))).toBe(`${hostile} is offline.`)
  })
  it('is bounded', () => {
    const text = coded('installer_failed', {
      kind: 'exe',
      exit_code: 1,
      line: 'x'.repeat(5_000),
      removed: 'y'.repeat(5_000),
    })
    expect(readCoded(text.code, text.params)).toEqual(text)
    expect(compose(text)).toHaveLength(2_000)
  })
})

describe('a code from outside', () => {
  it.each([
    ['invented_later', {}],
    ['constructor', {}],
    [7, {}],
    ['offline', {}],
    ['offline', { device: 'A', also: 'B' }],
    ['offline', { device: ['A'] }],
    ['offline', { device: 'x'.repeat(TEXT_LIMIT + 1) }],
    ['offline', 'A'],
    ['no_sign_of_life', { device: 'A', n: 'two' }],
    ['no_sign_of_life', { device: 'A', n: Number.NaN }],
    ['installed', { exit_code: 0, invented_later: 1 }],
    ['installer_failed', { exit_code: 1, kind: '__proto__' }],
    ['installer_failed', { exit_code: 1, kind: 'deb', cause: 'cause_wrong_arch' }],
    ['installer_failed', { exit_code: 1, kind: 'deb', cause: 'toString' }],
    ['fetch_failed', { tries: 3, problem: 'problem_answer' }],
    ['archive_refused', { problem: 'archive_links_of_later' }],
    ['archive_refused', { problem: 'archive_name_twice' }],
    ['archive_refused', { problem: 'problem_silence', seconds: 1 }],
    ['side_effects', {}],
  ])('%s with %j is not understood', (code, params) => {
    expect(readCoded(code, params)).toBeNull()
  })
  it('has a text for every key', () => {
    for (const [key, text] of Object.entries(ENGLISH)) expect(text, key).toMatch(/\S/)
  })
})
