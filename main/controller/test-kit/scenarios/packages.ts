/** Several packages, several deployments, and packages given as a URL. */
import { expect } from 'vitest'
import { fails, ends, hangs, installs, obeys } from '../scenario-agent.ts'
import type { Row, Stage, Step } from '../scenario.ts'
import {
  check,
  deploysAgain,
  otherEnds,
  person,
  remains,
  reports,
  until,
  untilCommand,
  untilStatus,
} from '../scenario-steps.ts'
import { DONE, INSTALLING } from './timings.ts'

const two = [{ name: 'first' }, { name: 'second' }]
const twoThatNeed = [{ name: 'base' }, { name: 'addon', needs: ['base'] }]
const BUSY = ['pending', 'pending device_busy']
const SCRIPT = '#!/bin/sh\nexit 0\n'

const from = (path: string, further: object = {}): Row['deployment'] => ({
  custom_software: [{ name: 'Fetched', download_url: `{web}${path}`, ...further }],
})
/** Rows of packages that cannot be fetched. */
const unavailable = (
  name: string,
  path: string,
  reason: string,
  message: RegExp,
  further: object = {},
): Row => ({
  name,
  deployment: from(path, further),
  status: 'failed',
  targets: { A: { chain: ['pending', `failed ${reason}`], message, attempts: 0 } },
})
const URLS: [string, string, object][] = [
  ['an unsupported scheme', 'ftp://x/y.sh', {}],
  ['a file of the controller', 'file:///etc/passwd', {}],
  ['not a URL', 'tool.sh', {}],
  ['a file name of no known kind', 'http://example.test/download', {}],
]
const asked = new Map<string, number>()

/** What the web server answers for each path: see webAnswers. */
export const webAnswers: Record<
  string,
  (tries: number) => {
    status: number
    body?: string
    headers?: Record<string, string>
    cut?: boolean
  }
> = {
  '/ok.sh': () => ({ status: 200, body: SCRIPT }),
  '/500.sh': () => ({ status: 500 }),
  '/flaky.sh': (tries) => (tries < 3 ? { status: 503 } : { status: 200, body: SCRIPT }),
  '/mended.sh': (tries) => (tries < 2 ? { status: 404 } : { status: 200, body: SCRIPT }),
  '/loop.sh': () => ({ status: 302, headers: { location: '/loop.sh' } }),
  '/elsewhere.sh': () => ({ status: 302, headers: { location: '/ok.sh' } }),
  '/away.sh': () => ({ status: 302, headers: { location: 'ftp://example.test/x.sh' } }),
  '/cut.sh': () => ({
    status: 200,
    headers: { 'content-length': '1000' },
    body: SCRIPT,
    cut: true,
  }),
  '/junk.deb': () => ({ status: 200, body: 'not a package' }),
  '/403.sh': () => ({ status: 403 }),
}
/** Before the first row: lets the web server answer as above. */
export async function prepareWeb(stage: Stage): Promise<void> {
  const web = await stage.web()
  if (web.answers.size > 0) return
  for (const [path, respond] of Object.entries(webAnswers))
    web.answers.set(path, (_request, response) => {
      asked.set(path, (asked.get(path) ?? 0) + 1)
      const { status, body = '', headers = {}, cut } = respond(asked.get(path)!)
      response.writeHead(status, headers)
      if (!cut) return void response.end(body)
      response.write(body)
      setTimeout(() => response.destroy(), 20)
    })
}
const tries = (path: string, count: number): Step =>
  check(() => expect(asked.get(path)).toBe(count))

export const packageRows: Row[] = [
  {
    name: 'two packages one after the other',
    packages: two,
    status: 'completed',
    counts: { completed: 2 },
    targets: { 'A/1': { chain: DONE }, 'A/2': { chain: [...BUSY, ...DONE] } },
  },
  {
    name: 'the second does not start while the first is at work',
    packages: two,
    pcs: { A: { does: [[installs], obeys] } },
    steps: [until('A/1', 'installing'), remains('A/2', 'pending device_busy'), reports('A')],
    status: 'completed',
    targets: { 'A/1': { chain: DONE }, 'A/2': { chain: [...BUSY, ...DONE] } },
  },
  {
    name: 'the first fails, the second is installed anyway',
    packages: two,
    pcs: { A: { does: [fails(), obeys] } },
    status: 'partial',
    targets: {
      'A/1': { chain: [...INSTALLING, 'failed install_failed'] },
      'A/2': { chain: [...BUSY, ...DONE] },
    },
  },
  {
    name: 'its dependency fails',
    packages: twoThatNeed,
    pcs: { A: { does: [fails()] } },
    status: 'failed',
    counts: { failed: 2 },
    targets: {
      'A/1': { chain: [...INSTALLING, 'failed install_failed'] },
      'A/2': {
        chain: [...BUSY, 'failed dependency_failed'],
        message: /It depends on base, which was not installed on/,
        attempts: 0,
      },
    },
  },
  {
    name: 'its dependency is installed',
    packages: twoThatNeed,
    status: 'completed',
    targets: { 'A/2': { chain: [...BUSY, ...DONE] } },
  },
  {
    name: 'its dependency is already installed',
    packages: twoThatNeed,
    pcs: {
      A: {
        does: [
          [ends({ status: 'skipped', reason: 'already_installed', message: 'There.' })],
          obeys,
        ],
      },
    },
    status: 'completed',
    counts: { completed: 1, skipped: 1 },
    targets: { 'A/2': { chain: [...BUSY, ...DONE] } },
  },
  {
    name: 'its dependency has no installer for this PC',
    packages: [
      { name: 'base', arch: 'arm64' },
      { name: 'addon', needs: ['base'] },
    ],
    status: 'failed',
    counts: { skipped: 1, failed: 1 },
    targets: {
      'A/1': { chain: ['pending', 'skipped no_installer'] },
      'A/2': { chain: ['pending', 'failed dependency_failed'], attempts: 0 },
    },
  },
  {
    name: 'a dependency of its dependency fails',
    packages: [{ name: 'a' }, { name: 'b', needs: ['a'] }, { name: 'c', needs: ['b'] }],
    pcs: { A: { does: [fails()] } },
    status: 'failed',
    counts: { failed: 3 },
    targets: {
      'A/2': { chain: [...BUSY, 'failed dependency_failed'] },
      'A/3': { chain: [...BUSY, 'failed dependency_failed'], message: /It depends on b/ },
    },
  },
  {
    name: 'a failed dependency and its dependent are retried together',
    packages: twoThatNeed,
    pcs: { A: { does: [fails(), obeys] } },
    steps: [untilStatus('failed'), person('retry')],
    status: 'completed',
    targets: {
      'A/1': { chain: [...INSTALLING, 'failed install_failed', ...DONE] },
      'A/2': { chain: [...BUSY, 'failed dependency_failed', ...BUSY, ...DONE], attempt: 2 },
    },
  },
  {
    name: 'no installer for this PC',
    packages: [{ name: 'arm-only', arch: 'arm64' }],
    status: 'completed',
    counts: { skipped: 1 },
    targets: { A: { chain: ['pending', 'skipped no_installer'], message: /no installer/ } },
  },
  {
    name: 'the first is retried while the second is at work: one after the other',
    packages: two,
    pcs: { A: { does: [fails(), [installs], obeys] } },
    steps: [
      until('A/2', 'installing'),
      person('retry', 'A/1'),
      remains('A/1', 'pending device_busy'),
      reports('A', {}, { command: 2 }),
    ],
    status: 'completed',
    targets: {
      'A/1': { chain: [...INSTALLING, 'failed install_failed', ...BUSY, ...DONE], attempt: 2 },
      'A/2': { chain: [...BUSY, ...DONE] },
    },
  },
  {
    name: 'two deployments on one device',
    pcs: { A: { does: [[installs], obeys] } },
    steps: [
      until('A', 'installing'),
      deploysAgain(),
      check(async ({ stage, others }) => {
        const [target] = (
          await stage.rest.call('deployments.progress', { params: { id: others[0]! } })
        ).targets
        await expect.poll(() => stage.observer.chain(target!.id)).toEqual(BUSY)
      }),
      reports('A'),
      otherEnds('completed'),
    ],
    status: 'completed',
    targets: { A: { chain: DONE } },
  },
  {
    name: 'the first deployment fails, the second one on the device runs',
    pcs: { A: { does: [[installs], obeys] } },
    steps: [
      until('A', 'installing'),
      deploysAgain(),
      reports('A', { status: 'failed', message: 'It broke.', exit_code: 1 }),
      otherEnds('completed'),
    ],
    status: 'failed',
    targets: { A: { chain: [...INSTALLING, 'failed install_failed'] } },
  },
  {
    name: 'the first deployment is cancelled, the second one on the device runs',
    pcs: { A: { does: [hangs, obeys] } },
    steps: [until('A', 'downloading'), deploysAgain(), person('cancel'), otherEnds('completed')],
    status: 'canceled',
    targets: { A: { chain: ['pending', 'downloading', 'skipped canceled'] } },
  },

  ...URLS.map(([name, download_url, further]): Row => ({
    name: `a URL that is refused immediately: ${name}`,
    deployment: { custom_software: [{ name: 'Fetched', download_url, ...further }] },
    refused: { status: 400, code: 'E_VALIDATION' },
  })),
  {
    name: 'a URL that is refused immediately: a password in it',
    deployment: {
      custom_software: [{ name: 'Fetched', download_url: 'http://user:secret@example.test/x.sh' }],
    },
    refused: { status: 400, code: 'E_URL_INVALID' },
  },
  {
    name: 'a package from a URL',
    deployment: from('/ok.sh'),
    status: 'completed',
    targets: { A: { chain: DONE } },
  },
  {
    name: 'a package from a URL that redirects',
    deployment: from('/elsewhere.sh'),
    status: 'completed',
    targets: { A: { chain: DONE } },
  },
  unavailable(
    'nothing is there (404), which is not retried',
    '/nothing.sh',
    'invalid_url',
    /answered 404/,
  ),
  unavailable('it is forbidden (403)', '/403.sh', 'invalid_url', /answered 403/),
  unavailable('it redirects in a circle', '/loop.sh', 'invalid_url', /redirects more than 5 times/),
  unavailable('it redirects to another scheme', '/away.sh', 'invalid_url', /cannot be used/),
  unavailable('it is not the expected file', '/ok.sh', 'integrity', /is not the expected one/, {
    sha256: 'a'.repeat(64),
  }),
  unavailable('the file is not a package', '/junk.deb', 'integrity', /\S/),
  {
    ...unavailable(
      'the server fails three times (500)',
      '/500.sh',
      'download_failed',
      /answered 500/,
    ),
    steps: [untilStatus('failed'), tries('/500.sh', 3)],
  },
  unavailable(
    'the download is interrupted each time',
    '/cut.sh',
    'download_failed',
    /was interrupted/,
  ),
  {
    name: 'no such host',
    deployment: {
      custom_software: [{ name: 'Fetched', download_url: 'http://no-such-host.invalid/x.sh' }],
    },
    status: 'failed',
    targets: { A: { chain: ['pending', 'failed invalid_url'], message: /cannot be resolved/ } },
  },
  {
    name: 'nothing listens there',
    deployment: { custom_software: [{ name: 'Fetched', download_url: 'http://127.0.0.1:9/x.sh' }] },
    status: 'failed',
    targets: {
      A: { chain: ['pending', 'failed download_failed'], message: /could not be reached/ },
    },
  },
  {
    name: 'the server fails twice, then delivers',
    deployment: from('/flaky.sh'),
    steps: [untilStatus('completed'), tries('/flaky.sh', 3)],
    status: 'completed',
    targets: { A: { chain: DONE } },
  },
  {
    name: 'the file is missing, is added, and a person retries',
    deployment: from('/mended.sh'),
    steps: [untilStatus('failed'), person('retry'), untilCommand('A')],
    status: 'completed',
    targets: { A: { chain: ['pending', 'failed invalid_url', ...DONE], attempt: 2 } },
  },
  {
    name: 'one package cannot be fetched, the other one is installed',
    packages: [{ name: 'here' }],
    deployment: from('/nothing.sh'),
    status: 'partial',
    targets: { 'A/1': { chain: DONE }, 'A/2': { chain: ['pending', '…', 'failed invalid_url'] } },
  },
]
