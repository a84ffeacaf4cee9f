/**
 * A year of use, written directly into the tables. Every table that use makes larger gets the rows that the
 * product itself would have written: a deployment has as many targets as its counters say, and the audit log
 * is a valid chain with signed ends.
 */
import { sign, type KeyObject } from 'node:crypto'
import type { AuditAction } from '#shared/domain/audit-actions.ts'
import { ENTRY_FORMAT, entryHash, headText } from '../../main/controller/slices/audit/chain.ts'
import type { Store } from '../../main/controller/store/store.ts'

export type Year = {
  devices: number
  deployments: number
  targetsPerDeployment: number
  auditEntries: number
  /** The newest rows are from this moment. */
  endMs: number
}

const YEAR_MS = 365 * 24 * 3_600_000
/** The administrator has id 1; these follow. */
const TECHNICIANS = 9
const OWNERS = TECHNICIANS + 1
const GROUPS = 50
export const SOFTWARE = 500
const TITLES = 3_000
const TITLES_PER_DEVICE = 80
/** A prime, so that the devices of a deployment differ and are spread over all of them. */
const STRIDE = 7_919
const ENTRIES_PER_SIGNED_END = 100

/** `n(i)`: the numbers from 1 to the bound value `count`. */
const NUMBERS = 'with recursive n(i) as (select 1 union all select i + 1 from n where i < @count)'
/** The time of row i of `count`, as stored. */
const at = (i: string, count: string, plusSeconds = '0') =>
  `strftime('%Y-%m-%dT%H:%M:%fZ', (@start + ${i} * 1.0 * @span / ${count}) / 1000.0 + ${plusSeconds}, 'unixepoch')`
const randomHex = (bytes: number) => `lower(hex(randomblob(${bytes})))`

const PRODUCTS = ['Firefox', 'LibreOffice', '7-Zip', 'VLC media player', 'Zoom', 'Müller CAD']
const PRODUCT_LIST = JSON.stringify(PRODUCTS)
const product = (i: string) =>
  `json_extract('${PRODUCT_LIST}', '$[' || (${i} % ${PRODUCTS.length}) || ']')`

/** @param year its `targetsPerDeployment` is a multiple of ten: one in ten deployments has a failure */
export function seedTables(store: Store, year: Year): void {
  const { sqlite } = store
  const span = { start: year.endMs - YEAR_MS, span: YEAR_MS }
  const run = (sql: string, count: number): void => {
    const bound = {
      ...span,
      count,
      devices: year.devices,
      perDeployment: year.targetsPerDeployment,
    }
    const used = Object.entries(bound).filter(([name]) => sql.includes(`@${name}`))
    sqlite.prepare(sql).run(Object.fromEntries(used))
  }
  run(
    `${NUMBERS} insert into users (username, password_hash, role, created_at)
     select 'technician-' || i, 'none', 'technician', ${at('0', '1')} from n`,
    TECHNICIANS,
  )
  run(
    `${NUMBERS} insert into devices (name, platform, arch, os_version, agent_version, public_key, owner_id, approved,
       address, free_disk_bytes, reboot_pending, inventory_at, enrolled_at, last_seen_at, last_sequence)
     select printf('PC-%05d', i), 'linux', 'x64', 'Debian 12', '0.1.0', 'key ' || i, 1 + i % ${OWNERS}, 1,
       printf('10.%d.%d.%d', i / 65536, i / 256 % 256, i % 256), 100000000000 + i, 0, ${at('i', '@count')},
       ${at('0', '1')}, ${at('i', '@count')}, 100 from n`,
    year.devices,
  )
  run(
    `insert into device_hardware (device_id, hardware_id, standing) select id, ${randomHex(32)}, 'owner' from devices`,
    0,
  )
  run(
    `${NUMBERS} insert into device_groups (name, owner_id, created_at)
     select 'Room ' || i, 1 + i % ${OWNERS}, ${at('0', '1')} from n`,
    GROUPS,
  )
  run(
    `insert into device_group_members (group_id, device_id)
     select 1 + (d.id + k.value) % ${GROUPS}, d.id from devices d, json_each('[0, 7]') k`,
    0,
  )
  run(
    `${NUMBERS} insert into enrollments (secret_hash, max_uses, uses, group_ids, created_by, created_at, expires_at)
     select ${randomHex(32)}, 20, 20, '[]', 1 + i % ${OWNERS}, ${at('i', '@count')}, ${at('i', '@count', '3600')} from n`,
    year.devices / 20,
  )
  // The file of the only uploaded software serves for all of them.
  run(
    `${NUMBERS} insert into software (name, version, publisher, origin, owner_id, created_at)
     select ${product('i')} || ' ' || i, '1.' || i, printf('Publisher %d', i % 40), 'library', 1 + i % ${OWNERS}, ${at('0', '1')} from n`,
    SOFTWARE,
  )
  run(
    `insert into installers (software_id, platform, arch, kind, file_name, install_args, timeout_seconds, success_exit_codes,
       sha256, size_bytes, fetch_state)
     select s.id, i.platform, i.arch, i.kind, i.file_name, '', i.timeout_seconds, i.success_exit_codes, i.sha256, i.size_bytes,
       'none' from software s, installers i where s.id > 1 and i.id = 1`,
    0,
  )
  seedDeployments(run, year)
  seedInventories(run, year)
}

type Run = (sql: string, count: number) => void

function seedDeployments(run: Run, year: Year): void {
  run(
    `${NUMBERS} insert into deployments (name, status, created_by, created_at, started_at, ended_at, action, strategy_type, wave,
       offline_policy, wait_minutes, software_names, device_count, completed, failed)
     select 'Rollout ' || i || ': ' || ${product('i')}, iif(i % 10, 'completed', 'partial'), 1 + i % ${OWNERS}, ${at('i', '@count')},
       ${at('i', '@count')}, ${at('i', '@count', '120')}, 'install', 'parallel', 1, 'fail', 60, json_array(${product('i')}),
       @perDeployment, @perDeployment - iif(i % 10, 0, 1), iif(i % 10, 0, 1) from n`,
    year.deployments,
  )
  run(
    `with k(j) as (select value from json_each(json_array(${Array.from({ length: year.targetsPerDeployment }, (_, j) => j).join()})))
     insert into deployment_targets (deployment_id, device_id, software_id, installer_id, position, deployment_status, reason,
       attempt, attempt_id, result_message, error_details, exit_code, bytes, total_bytes, started_at, completed_at, since)
     select d.id, 1 + (d.id * @perDeployment + k.j) * ${STRIDE} % @devices, 1 + d.id % ${SOFTWARE}, 1 + d.id % ${SOFTWARE}, 0,
       iif(d.failed and k.j = 0, 'failed', 'completed'), iif(d.failed and k.j = 0, 'install_failed', null), 1, ${randomHex(16)},
       iif(d.failed and k.j = 0, 'The installer ended with exit code 1603.', 'Installed.'),
       iif(d.failed and k.j = 0, 'A problem during the installation.', null), iif(d.failed and k.j = 0, 1603, 0), 1000, 1000,
       d.started_at, d.ended_at, d.ended_at from deployments d, k`,
    0,
  )
  run(
    `insert into deployment_attempts (attempt_id, target_id, attempt, created_at, ended_at, status, message, exit_code,
       output_head_bytes, output_last_seq)
     select attempt_id, id, 1, started_at, completed_at, iif(deployment_status = 'failed', 'failed', 'success'), result_message,
       exit_code, iif(id % 10, 0, 40), iif(id % 10, 0, 1) from deployment_targets`,
    0,
  )
  run(
    `insert into attempt_outputs (attempt_id, seq, part, size_bytes, text)
     select attempt_id, 1, 'head', 40, 'Unpacking the package … done, 12 files.' from deployment_attempts where target_id % 10 = 0`,
    0,
  )
  run(
    `insert into device_restarts (restart_id, deployment_id, device_id, round, state, created_at, since)
     select ${randomHex(16)}, deployment_id, device_id, 1, 'done', started_at, completed_at from deployment_targets where id % 50 = 0`,
    0,
  )
}

function seedInventories(run: Run, year: Year): void {
  const sections = {
    hardware: {
      manufacturer: 'Dell Inc.',
      model: 'OptiPlex 7010',
      serial: 'SERIAL',
      cpu: '13th Gen Intel Core i5-13500',
      processors: 20,
      memory_bytes: 17_179_869_184,
      firmware: '1.14.0',
      virtual: false,
    },
    os: {
      name: 'Debian GNU/Linux 12',
      version: '12.8',
      build: '6.1.0-28-amd64',
      arch: 'x64',
      installed_at: null,
      booted_at: null,
    },
    disks: [
      {
        mount: '/',
        device: '/dev/nvme0n1p2',
        file_system: 'ext4',
        size_bytes: 5e11,
        free_bytes: 3e11,
      },
    ],
    network: [{ name: 'eth0', mac: '00:1a:2b:3c:4d:5e', addresses: ['10.0.0.20/16'] }],
    users: ['anna'],
    reboot: { pending: false, reasons: [] },
    software_omitted: 0,
  }
  run(
    `insert into device_inventory (device_id, hash, sections, has_software, collected_at, changed_at)
     select id, ${randomHex(32)}, '${JSON.stringify(sections)}', 1, inventory_at, inventory_at from devices`,
    0,
  )
  run(
    `${NUMBERS} insert into software_titles (entry, name)
     select json_object('key', 'dpkg:' || i, 'source', 'dpkg', 'name', name, 'version', printf('1.%d', i % 5), 'publisher', 'Publisher'), name
     from (select i, ${product('i / 5')} || printf(' component %d', i / 5) name from n)`,
    TITLES,
  )
  run(
    `with recursive k(j) as (select 0 union all select j + 1 from k where j < ${TITLES_PER_DEVICE - 1})
     insert into device_software (device_id, title_id, installed_on)
     select id, 1 + (id * 13 + j * 37) % ${TITLES}, '2026-01-15' from devices, k where @devices > 0`,
    year.devices,
  )
}

const ACTIONS: readonly AuditAction[] = [
  'deployment.create',
  'deployment.start',
  'deployment.end',
  'user.login',
  'device.approve',
  'software.create',
  'group.update',
  'access.refused',
]

/** @param key signs the ends, as the controller does */
export function seedAuditLog(store: Store, year: Year, key: KeyObject): void {
  const { sqlite } = store
  const columns =
    'at, actor_id, actor, action, subject, details, format, address, outcome, device_id, deployment_id, data'
  const insert = sqlite.prepare(
    `insert into audit_log (${columns}, hash, previous) values (${'?, '.repeat(12)}?, ?)`,
  )
  const insertHead = sqlite.prepare(
    'insert into audit_heads (at, entry_id, hash, signature) values (?, ?, ?, ?)',
  )
  let before =
    sqlite
      .prepare<[], string>('select hash from audit_log order by id desc limit 1')
      .pluck()
      .get() ?? ''
  for (let i = 1; i <= year.auditEntries; i++) {
    const action = ACTIONS[i % ACTIONS.length]!
    const concerns = 1 + Math.floor((i * year.deployments) / (year.auditEntries + 1))
    const isAboutDeployment = action.startsWith('deployment.')
    const user = i % OWNERS
    const entry = {
      at: new Date(year.endMs - YEAR_MS + (i * YEAR_MS) / year.auditEntries).toISOString(),
      actor_id: user === 0 ? null : user + 1,
      actor: user === 0 ? 'system' : `technician-${user}`,
      action,
      subject: isAboutDeployment
        ? `deployment Rollout ${concerns}: ${PRODUCTS[concerns % PRODUCTS.length]}`
        : `device PC-${String(1 + ((i * STRIDE) % year.devices)).padStart(5, '0')}`,
      details: isAboutDeployment ? `${year.targetsPerDeployment} targets, wave 1 of 1` : '',
      format: ENTRY_FORMAT,
      address: user === 0 ? null : `10.1.0.${user}`,
      outcome: 'done' as const,
      device_id: isAboutDeployment ? null : 1 + ((i * STRIDE) % year.devices),
      deployment_id: isAboutDeployment ? concerns : null,
      data:
        action === 'deployment.create'
          ? JSON.stringify({
              device_count: year.targetsPerDeployment,
              devices: [concerns],
              reboot: 'never',
            })
          : null,
    } as Parameters<typeof entryHash>[1]
    const hash = entryHash(before, entry)!
    const id = Number(
      insert.run(
        ...columns.split(', ').map((column) => entry[column as keyof typeof entry]),
        hash,
        before,
      ).lastInsertRowid,
    )
    if (i % ENTRIES_PER_SIGNED_END === 0) {
      const head = { entry_id: id, hash, at: entry.at }
      const signature = sign(null, Buffer.from(headText(head)), key).toString('base64')
      insertHead.run(head.at, id, hash, signature)
    }
    before = hash
  }
}
