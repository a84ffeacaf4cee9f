/** The signing thread signs only what the store contains, no matter who asks. */
import { generateKeyPairSync, verify } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import { inspectText } from '#shared/contract/agent/inspect.ts'
import { commandText, hubProofText } from '#shared/contract/agent/link.ts'
import { splitDoneText, splitProofText, splitText } from '#shared/contract/agent/split.ts'
import { sequenceText } from '#shared/contract/agent/state.ts'
import { updateText } from '#shared/contract/agent/update.ts'
import { restartText } from '#shared/contract/agent/restart.ts'
import { openStore, type Store } from '../../store/store.ts'
import { TEST_WORKERS_DIR } from '../../test-kit/workers.ts'
import { createSigner, type Signer } from './index.ts'
import { MIGRATIONS_DIR } from '../../test-kit/paths.ts'

const SHA = 'a'.repeat(64)
const ATTEMPT = 'b'.repeat(32)
const { privateKey, publicKey } = generateKeyPairSync('ed25519')
let folder: string
let store: Store
let signer: Signer

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deployx-signing-'))
  const keyFile = join(folder, 'key')
  writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  store = openStore({
    dataDir: folder,
    migrationsDir: MIGRATIONS_DIR,
    clock: systemClock,
    random: systemRandom,
  })
  const db = store.sqlite
  db.exec(`
    insert into software (name, version, publisher, origin, created_at) values ('tool', '1', '', 'library', '2026');
    insert into contents (sha256, size_bytes, chunk_hashes, created_at) values ('${SHA}', 7, x'', '2026');
    insert into installers (software_id, platform, arch, kind, file_name, sha256, size_bytes, install_args, timeout_seconds, success_exit_codes, fetch_state)
      values (1, 'linux', 'any', 'sh', 'tool.sh', '${SHA}', 7, '', 60, '[]', 'none');
    insert into devices (name, platform, arch, os_version, agent_version, public_key, approved, enrolled_at)
      values ('PC', 'linux', 'x64', '', '', 'k', 1, '2026'), ('PC-2', 'linux', 'x64', '', '', 'k2', 1, '2026');
    insert into deployments (name, status, created_at, action, strategy_type, offline_policy, wait_minutes, software_names, device_count)
      values ('d', 'in_progress', '2026', 'install', 'parallel', 'fail', 60, '[]', 1);
    insert into deployment_targets (deployment_id, device_id, software_id, installer_id, position, deployment_status, attempt_id, since, offered_at_ms)
      values (1, 1, 1, 1, 0, 'pending', '${ATTEMPT}', '2026', 1);`)
  signer = createSigner({
    keyFile,
    vaultKey: null,
    databaseFile: store.file,
    agentsDir: folder,
    workersDir: TEST_WORKERS_DIR,
    clock: systemClock,
  })
})
afterAll(async () => {
  await signer.stop()
  store.close()
  rmSync(folder, { recursive: true, force: true })
})
beforeEach(() => {
  store.sqlite.exec("update deployments set status = 'in_progress', canceling = 0")
  store.sqlite.exec(
    "update deployment_targets set deployment_status = 'pending', offered_at_ms = 1",
  )
})

const command = {
  device_id: 1,
  deployment_id: 1,
  target_id: 1,
  attempt: 1,
  attempt_id: ATTEMPT,
  sequence: 1,
  issued_at: '2026-01-01T00:00:00.000Z',
  action: 'install',
  software_name: 'tool',
  kind: 'sh',
  file_name: 'tool.sh',
  argv: [],
  verbatim: false,
  url: '/content/x',
  sha256: SHA,
  size_bytes: 7,
  success_exit_codes: [],
  detection: null,
  timeout_seconds: 60,
  reboot: 'never',
}
const cancel = Object.fromEntries(
  (
    [
      'device_id',
      'deployment_id',
      'target_id',
      'attempt',
      'attempt_id',
      'sequence',
      'issued_at',
    ] as const
  ).map((key) => [key, command[key]]),
)
const asText = (change: object = {}) => commandText(JSON.stringify({ ...command, ...change }))
const signed = async (text: string): Promise<boolean> => {
  const [signature] = await signer.sign([text])
  if (!signature) return false
  expect(verify(null, Buffer.from(text), publicKey, Buffer.from(signature, 'base64'))).toBe(true)
  return true
}

it('signs the command in the store', async () => {
  expect(await signed(asText())).toBe(true)
})

it.each([
  ['another device', { device_id: 2 }],
  ['another deployment', { deployment_id: 2 }],
  ['a target that does not exist', { target_id: 2 }],
  ['another attempt', { attempt_id: 'c'.repeat(32) }],
  ['another number of the attempt', { attempt: 2 }],
  ['other bytes', { sha256: 'c'.repeat(64) }],
  ['another size', { size_bytes: 8 }],
  ['another kind of installer', { kind: 'deb' }],
  ['another action', { action: 'uninstall' }],
  ['nonsense', { argv: 'rm -rf' }],
])('signs no command for %s', async (_what, change) => {
  expect(await signed(asText(change))).toBe(false)
})

it('signs another server’s address only as it is stored, with the hash that is stored beside it', async () => {
  const url = 'https://example.net/tool.sh'
  const direct = { url, sha256: 'd'.repeat(64), size_bytes: null }
  expect(await signed(asText(direct))).toBe(false)
  expect(await signed(asText({ url }))).toBe(false)
  store.sqlite.exec(
    `update installers set fetch_state = 'by_agents', source_url = '${url}', source_sha256 = '${direct.sha256}'`,
  )
  try {
    expect(await signed(asText(direct))).toBe(true)
    expect(await signed(asText())).toBe(false)
    expect(await signed(asText({ ...direct, url: `${url}?` }))).toBe(false)
    expect(await signed(asText({ ...direct, sha256: SHA }))).toBe(false)
    expect(await signed(asText({ ...direct, size_bytes: 7 }))).toBe(false)
  } finally {
    store.sqlite.exec(
      "update installers set fetch_state = 'none', source_url = null, source_sha256 = null",
    )
  }
})

it('signs a command only with the conditions that an administrator has configured', async () => {
  const allowed = { conditions: { on_battery: true, on_metered: true } }
  const plugged = { conditions: { on_battery: false, on_metered: true } }
  expect(await signed(asText(allowed))).toBe(true)
  expect(await signed(asText(plugged))).toBe(false)
  store.sqlite.exec("insert into settings (name, value) values ('work_on_battery', 'false')")
  expect(await signed(asText(plugged))).toBe(true)
  expect(await signed(asText(allowed))).toBe(false)
  expect(await signed(asText())).toBe(false)
  store.sqlite.exec('delete from settings')
})

it('signs only the stored entry of an archive, and only the stored detection rule', async () => {
  const archive = { entry: 'a/install.sh', uninstall_entry: null, expanded_bytes: 9 }
  const detection = { type: 'script', text: 'exit 1', interpreter: 'sh' }
  expect(await signed(asText({ archive }))).toBe(false)
  expect(await signed(asText({ detection }))).toBe(false)
  const set = store.sqlite.prepare('update installers set archive = ?, detection = ?')
  set.run(JSON.stringify({ ...archive, choices: ['a/install.sh'] }), JSON.stringify(detection))
  try {
    expect(await signed(asText({ archive, detection }))).toBe(true)
    expect(await signed(asText({ detection }))).toBe(false)
    expect(await signed(asText({ archive }))).toBe(false)
    const other = { ...archive, entry: 'a/other.sh' }
    expect(await signed(asText({ archive: other, detection }))).toBe(false)
    const text = { ...detection, text: 'reboot' }
    expect(await signed(asText({ archive, detection: text }))).toBe(false)
    expect(await signed(asText({ archive: { ...archive, expanded_bytes: 10 }, detection }))).toBe(
      false,
    )
  } finally {
    set.run(null, null)
  }
})

it('queries PCs only with scripts that are stored as rules', async () => {
  const rule = { type: 'script', text: 'exit 1', interpreter: 'sh' }
  const asking = (...detections: unknown[]) =>
    signed(
      inspectText(JSON.stringify({ device_id: 1, issued_at: '2026-01-01T00:00:00Z', detections })),
    )
  expect(await asking(null, { type: 'file', path: '/x' })).toBe(true)
  expect(await asking(null, rule)).toBe(false)
  const set = store.sqlite.prepare('update installers set detection = ?')
  set.run(JSON.stringify(rule))
  try {
    expect(await asking(null, rule)).toBe(true)
    expect(await asking(rule, { ...rule, text: 'reboot' })).toBe(false)
    expect(await asking({ ...rule, interpreter: 'cmd' })).toBe(false)
  } finally {
    set.run(null)
  }
})

it('signs nothing for a target that was not offered, has moved on, or was cancelled', async () => {
  store.sqlite.exec('update deployment_targets set offered_at_ms = null')
  expect(await signed(asText())).toBe(false)
  store.sqlite.exec(
    "update deployment_targets set offered_at_ms = 1, deployment_status = 'installing'",
  )
  expect(await signed(asText())).toBe(false)
  store.sqlite.exec("update deployment_targets set deployment_status = 'pending'")
  store.sqlite.exec('update deployments set canceling = 1')
  expect(await signed(asText())).toBe(false)
  store.sqlite.exec("update deployments set canceling = 0, status = 'completed'")
  expect(await signed(asText())).toBe(false)
})

it('signs a cancel only for a deployment that is being cancelled', async () => {
  const text = commandText(JSON.stringify({ ...cancel, action: 'cancel' }))
  expect(await signed(text)).toBe(false)
  store.sqlite.exec('update deployments set canceling = 1')
  expect(await signed(text)).toBe(true)
})

it('signs its own proofs and queries, and no text of another purpose', async () => {
  const nonce = 'd'.repeat(64)
  const fingerprint = `sha256/${'A'.repeat(43)}=`
  expect(await signed(hubProofText(fingerprint, nonce, nonce, 1))).toBe(true)
  const question = { device_id: 1, issued_at: '2026-01-01T00:00:00Z', detections: [] }
  expect(await signed(inspectText(JSON.stringify(question)))).toBe(true)
  for (const text of [
    '',
    'anything',
    inspectText('{}'),
    hubProofText(fingerprint, nonce, 'short', 1),
    `${hubProofText(fingerprint, nonce, nonce, 1)}\nmore`,
    JSON.stringify(command),
  ])
    expect(await signed(text)).toBe(false)
})

it('answers many requests in their order', async () => {
  const texts = [asText(), asText({ device_id: 2 }), asText({ sequence: 9 })]
  const signatures = await signer.sign(texts)
  expect(signatures.map((s) => s !== null)).toEqual([true, false, true])
})

it('signs only used sequences', async () => {
  const fingerprint = `sha256/${'A'.repeat(43)}=`
  const nonce = 'a'.repeat(64)
  store.sqlite.exec('update devices set last_sequence = 7 where id = 1')
  const text = (claimed: number, id = 1): string =>
    sequenceText(fingerprint, nonce, nonce, id, claimed)
  expect(await signed(text(7))).toBe(true)
  expect(await signed(text(8))).toBe(false)
  expect(await signed(text(0, 99))).toBe(false)
  expect(await signed(text(7) + '\n8')).toBe(false)
})

it('signs a separation, and its completion only as stored: that device, its key, what it was separated from', async () => {
  const fingerprint = `sha256/${'A'.repeat(43)}=`
  const hub = 'a'.repeat(64)
  const agent = 'b'.repeat(64)
  const key = 'A'.repeat(58)
  store.sqlite.exec(`
    insert into devices (id, name, platform, arch, os_version, agent_version, public_key, approved, enrolled_at, split_from)
      values (50, 'COPY', 'linux', 'x64', '', '', '${key}', 0, '2026', 1);`)
  expect(await signed(splitText(fingerprint, hub, agent, 1))).toBe(true)
  expect(await signed(splitText(fingerprint, hub, agent, 1) + '\nmore')).toBe(false)
  expect(await signed(splitText('sha256/x', hub, agent, 1))).toBe(false)
  expect(await signed(splitProofText(fingerprint, hub, agent, 1, key))).toBe(false)

  const done = (from: number, to: number, of = key) =>
    signed(splitDoneText(fingerprint, hub, agent, from, to, of))
  expect(await done(1, 50)).toBe(true)
  expect(await done(2, 50)).toBe(false)
  expect(await done(1, 2)).toBe(false)
  expect(await done(1, 50, 'B'.repeat(58))).toBe(false)
  expect(await done(1, 51)).toBe(false)
  store.sqlite.exec("update devices set deleted_at = '2026' where id = 50")
  expect(await done(1, 50)).toBe(false)
})

it('signs an update only as ordered, and only to the file that this controller serves', async () => {
  const file_name = 'deployx-agent-linux-x64'
  const offer = { file_name, version: '0.2.0', sha256: SHA, size_bytes: 7 }
  const hand = (agents: object[]) => {
    writeFileSync(join(folder, 'agents.json'), JSON.stringify({ agents }))
  }
  hand([offer])
  store.sqlite.exec(`update devices set agent_version = '0.1.0' where id = 1;
    insert into agent_updates (device_id, version, sequence, state, tries, changed_at_ms) values (1, '0.2.0', 9, 'ordered', 1, 1)`)
  const order = {
    ...offer,
    device_id: 1,
    sequence: 9,
    issued_at: '2026-01-01T00:00:00.000Z',
    url: `/agent/download/${file_name}`,
  }
  const asked = (change: object = {}) => signed(updateText(JSON.stringify({ ...order, ...change })))
  expect(await asked()).toBe(true)
  for (const change of [
    { device_id: 2 },
    { sequence: 10 },
    { version: '0.3.0' },
    { sha256: 'c'.repeat(64) },
    { size_bytes: 8 },
    { url: '/content/x' },
    { url: `https://example.net/agent/download/${file_name}` },
    { file_name: 'deployx-agent-linux-arm64' },
  ])
    expect([change, await asked(change)]).toEqual([change, false])
  // A command's purpose does not cover it, nor the other way round.
  expect(await signed(commandText(JSON.stringify(order)))).toBe(false)
  expect(await signed(updateText(JSON.stringify(command)))).toBe(false)
  hand([{ ...offer, sha256: 'c'.repeat(64) }])
  expect(await asked()).toBe(false)
  hand([offer])
  for (const change of [
    "update devices set agent_version = '0.2.0' where id = 1",
    'update devices set blocked = 1 where id = 1',
    'update devices set approved = 0 where id = 1',
    "update devices set deleted_at = '2026' where id = 1",
    "update agent_updates set state = 'accepted'",
  ]) {
    expect(await asked()).toBe(true)
    store.sqlite.exec(change)
    expect([change, await asked()]).toEqual([change, false])
    store.sqlite
      .exec(`update devices set agent_version = '0.1.0', blocked = 0, approved = 1, deleted_at = null where id = 1;
      update agent_updates set state = 'ordered'`)
  }
})

const RESTART = 'e'.repeat(32)
const restart = {
  device_id: 1,
  deployment_id: 1,
  restart_id: RESTART,
  sequence: 9,
  issued_at: '2026-01-01T00:00:00.000Z',
  action: 'restart',
  boot_id: 'boot-1',
  delay_seconds: 600,
  deployment_name: 'd',
}
const asRestart = (change: object = {}) => restartText(JSON.stringify({ ...restart, ...change }))

describe('restarts', () => {
  const set = (restarts: string, deployments = "reboot = 'if_needed'") =>
    store.sqlite.exec(
      `update device_restarts set ${restarts}; update deployments set ${deployments}`,
    )
  beforeEach(() => {
    store.sqlite.exec(`
      delete from device_restarts;
      insert into device_restarts (restart_id, deployment_id, device_id, round, state, boot_id, created_at, since)
        values ('${RESTART}', 1, 1, 1, 'ordered', 'boot-1', '2026', '2026');
      update deployment_targets set deployment_status = 'completed', offered_at_ms = null;
      update deployments set status = 'completed', reboot = 'if_needed', reboot_delay_minutes = 10, restarts_canceled = 0, canceling = 0`)
  })

  it('signs a stored order, only for its own purpose', async () => {
    expect(await signed(asRestart())).toBe(true)
    expect(await signed(commandText(JSON.stringify(restart)))).toBe(false)
    expect(await signed(inspectText(JSON.stringify({ ...restart, action: undefined })))).toBe(false)
  })

  it.each([
    ['another device', { device_id: 2 }],
    ['another deployment', { deployment_id: 2 }],
    ['an unknown one', { restart_id: 'f'.repeat(32) }],
    ['another boot', { boot_id: 'boot-2' }],
    ['less notice', { delay_seconds: 60 }],
    ['no notice', { delay_seconds: 0 }],
    ['another message to the users', { deployment_name: 'x' }],
    ['another action', { action: 'shutdown' }],
  ])('refuses %s', async (_what, change) => {
    expect(await signed(asRestart(change))).toBe(false)
  })

  it.each([
    ['is pending', "state = 'owed'", undefined],
    ['was announced already', "state = 'announced'", undefined],
    ['was done', "state = 'done'", undefined],
    ['is being withdrawn', "calling_off = 'canceled'", undefined],
    ['belongs to a deployment that never restarts PCs', 'round = 1', "reboot = 'never'"],
    ['belongs to a deployment that is being cancelled', 'round = 1', 'canceling = 1'],
    ['belongs to a deployment that was cancelled', 'round = 1', "status = 'canceled'"],
    [
      'belongs to a deployment whose restarts a user cancelled',
      'round = 1',
      'restarts_canceled = 1',
    ],
  ])('refuses one that %s', async (_what, restarts, deployments) => {
    set(restarts, deployments)
    expect(await signed(asRestart())).toBe(false)
  })

  it.each(["deployment_status = 'installing'", 'offered_at_ms = 1'])(
    'refuses a restart into an installation: %s',
    async (change) => {
      store.sqlite.exec(`update deployment_targets set ${change}`)
      expect(await signed(asRestart())).toBe(false)
    },
  )

  it('signs the withdrawal only of one that is being cancelled', async () => {
    const off = { action: 'call_off' }
    expect(await signed(asRestart(off))).toBe(false)
    set("state = 'announced', calling_off = 'canceled'")
    expect(await signed(asRestart(off))).toBe(true)
    expect(await signed(asRestart({ ...off, device_id: 2 }))).toBe(false)
  })
})
