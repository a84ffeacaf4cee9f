/**
 * `npm run demo`: a complete deployment on this computer in about a minute. Starts a controller with a
 * temporary data folder and three real agents that install into temporary folders (nothing on this computer
 * changes), then deploys a real package and shows the progress.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import {
  rest,
  type RouteInput,
  type RouteName,
  type RouteReply,
} from '#shared/contract/rest/routes.ts'
import type { Progress } from '#shared/contract/rest/deployments.ts'
import { until } from '#shared/test-kit/until.ts'
import { ensureBuilt } from './build-app.ts'
import { startProgram, type Program } from './support/program.ts'
import { projectRoot } from './support/project.ts'
import { run } from './support/run.ts'

const POLLING = { limitMs: 120_000, intervalMs: 200 }
const PC_NAMES = ['RECEPTION', 'LAB-01', 'LAB-02']

const HELP = `Runs a complete deployment on this computer, in about a minute.

Usage: npm run demo -- [--exit] [--json]

  --exit   end when the deployment has ended (default: stay open, so that you can look around in the console)
  --json   print one line of JSON at the end
`

type Options = { exit: boolean; json: boolean }

function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        exit: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (values.help) {
      process.stdout.write(HELP)
      process.exit(0)
    }
    return { exit: values.exit ?? false, json: values.json ?? false }
  } catch (error) {
    process.stderr.write(`demo: ${(error as Error).message.split('\n')[0]}\n`)
    process.exit(2)
  }
}

/** Calls a route of the console's REST API. */
function client(baseUrl: string, token?: string) {
  async function send(method: string, url: string, body?: FormData | string): Promise<unknown> {
    const response = await fetch(baseUrl + url, {
      method,
      body,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(typeof body === 'string' && { 'content-type': 'application/json' }),
      },
      signal: AbortSignal.timeout(30_000),
    })
    const reply = (await response.json()) as { error?: { message: string } }
    if (!response.ok)
      throw new Error(`${method} ${url}: ${reply.error?.message ?? response.status}`)
    return reply
  }
  return {
    async call<N extends RouteName>(name: N, input: RouteInput<N>): Promise<RouteReply<N>> {
      const { params, body } = input as { params?: object; body?: unknown }
      let url: string = rest[name].path
      for (const [key, value] of Object.entries(params ?? {}))
        url = url.replace(`:${key}`, String(value))
      return rest[name].reply.parse(
        await send(rest[name].method, url, body === undefined ? undefined : JSON.stringify(body)),
      ) as RouteReply<N>
    },
    async upload(file: string): Promise<RouteReply<'software.create'>> {
      const form = new FormData()
      form.append('file', new Blob([await readFile(file)]), path.basename(file))
      return rest['software.create'].reply.parse(await send('POST', '/software', form))
    },
  }
}

/**
 * A real package: Debian's `hello`, downloaded with apt. Without apt or a network, a script that comes with
 * the demo.
 * @returns the file, and where it came from as text for people
 */
async function findPackage(folder: string): Promise<{ file: string; from: string }> {
  if (process.platform === 'linux' && existsSync('/usr/bin/dpkg')) {
    for (const args of [['download', 'hello'], ['update'], ['download', 'hello']]) {
      const result = await run('apt-get', args, { cwd: folder, timeoutMs: 60_000 }).catch(
        () => null,
      )
      const deb = (await readdir(folder)).find((name) => name.endsWith('.deb'))
      if (result?.code === 0 && deb)
        return { file: path.join(folder, deb), from: "Debian's package, fetched by apt" }
    }
  }
  const windows = process.platform === 'win32'
  const file = path.join(folder, windows ? 'demo-tool.cmd' : 'demo-tool.sh')
  await writeFile(
    file,
    windows
      ? '@echo off\r\necho Installing the demo tool\r\n'
      : '#!/bin/sh\nset -e\necho "Installing into $DEPLOYX_INSTALL_ROOT"\nmkdir -p "$DEPLOYX_INSTALL_ROOT/opt/demo-tool"\ndate > "$DEPLOYX_INSTALL_ROOT/opt/demo-tool/installed"\n',
  )
  return { file, from: "the demo's own script, because apt could not fetch a package here" }
}

function table(progress: Progress): string {
  const rows = [
    ['PC', 'Package', 'State', 'Message'],
    ...progress.targets.map((t) => [
      t.device_name,
      t.software_name,
      t.deployment_status,
      t.result_message ?? t.reason ?? '',
    ]),
  ]
  const widths = [0, 1, 2].map((i) => Math.max(...rows.map((row) => row[i]!.length)))
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

async function demo(options: Options, folder: string, programs: Program[]): Promise<boolean> {
  // Progress output is for people only; the demo continues if nobody reads it any more.
  process.stderr.on('error', () => undefined)
  const print = (text: string) => void process.stderr.write(text + '\n')
  await ensureBuilt()
  const packageFolder = path.join(folder, 'package')
  await mkdir(packageFolder)
  const found = await findPackage(packageFolder)
  print(`Package     ${path.basename(found.file)} (${found.from})`)

  const env = { ...process.env, DEPLOYX_LOG_LEVEL: process.env['DEPLOYX_LOG_LEVEL'] ?? 'warn' }
  const controller = startProgram(
    [
      path.join(projectRoot, 'main/headless.ts'),
      '--json',
      '--data',
      path.join(folder, 'data'),
      '--host',
      '127.0.0.1',
      '--hub-port',
      '0',
      '--console-port',
      '0',
    ],
    { env, logFile: path.join(folder, 'controller.log') },
  )
  programs.push(controller)
  const { console: consoleUrl } = JSON.parse(await controller.firstLine(30_000)) as {
    console: string
  }
  const password = randomBytes(9).toString('base64url')
  const { token } = await client(consoleUrl).call('auth.setup', {
    body: { username: 'demo', password },
  })
  const api = client(consoleUrl, token)
  print(`Console     ${consoleUrl}  (user demo, password ${password})`)

  const software = await api.upload(found.file)
  const { code } = await api.call('enrollments.create', { body: { max_uses: PC_NAMES.length } })
  for (const name of PC_NAMES) {
    const root = path.join(folder, name)
    const args = [
      path.join(projectRoot, 'agent/main.ts'),
      'run',
      '--code',
      code,
      '--name',
      name,
      '--state',
      path.join(root, 'state'),
      '--install-root',
      path.join(root, 'root'),
    ]
    await mkdir(path.join(root, 'root'), { recursive: true })
    programs.push(startProgram(args, { env, logFile: path.join(root, 'agent.log') }))
  }
  const allOnline = async () => {
    const list = (await api.call('devices.list', {})).devices
    return list.filter((d) => d.online).length === PC_NAMES.length && list
  }
  const devices = await until('the agents connecting', allOnline, POLLING)
  print(`Agents      ${devices.map((d) => d.name).join(', ')} online`)

  const { deployment_id } = await api.call('deployments.create', {
    body: {
      name: `Demo: ${software.name}`,
      software_ids: [software.id],
      device_ids: devices.map((d) => d.id),
    },
  })
  const ended = async () => {
    const now = await api.call('deployments.get', { params: { id: deployment_id } })
    return now.ended_at !== null && now
  }
  const deployment = await until('the end of the deployment', ended, POLLING)
  print(
    '\n' + table(await api.call('deployments.progress', { params: { id: deployment_id } })) + '\n',
  )
  if (options.json) {
    const { completed, failed, total } = deployment.counts
    process.stdout.write(
      JSON.stringify({
        deployment_id,
        status: deployment.status,
        success_count: completed,
        failure_count: failed,
        total_count: total,
      }) + '\n',
    )
  }
  if (!options.exit) {
    print(
      `Look around at ${consoleUrl} (user demo, password ${password}). Ctrl+C ends the demo and removes all of it.`,
    )
    await new Promise<void>((resolve) => {
      process.once('SIGINT', resolve)
      process.once('SIGTERM', resolve)
    })
  }
  return deployment.status === 'completed'
}

const options = readOptions()
const folder = await mkdtemp(path.join(os.tmpdir(), 'deployx-demo-'))
const programs: Program[] = []
let ok = false
try {
  ok = await demo(options, folder, programs)
} catch (error) {
  process.stderr.write(`demo: ${(error as Error).message}\n`)
  for (const program of programs) process.stderr.write(program.lastLines())
} finally {
  await Promise.all(programs.reverse().map((program) => program.stop()))
  await rm(folder, { recursive: true, force: true })
}
process.exit(ok ? 0 : 1)
