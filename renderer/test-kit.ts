/** Test data with sensible defaults. */
import { Deployment, Target } from '#shared/contract/rest/deployments.ts'
import { Device } from '#shared/contract/rest/devices.ts'
import { Software } from '#shared/contract/rest/software.ts'
import type { z } from 'zod'

const AT = '2026-11-23T10:00:00.000Z'

export const aTarget = (change: Partial<z.input<typeof Target>> = {}): Target =>
  Target.parse({
    id: 1,
    device_id: 1,
    device_name: 'PC-1',
    software_id: 1,
    software_name: 'VLC 3.0.21',
    installer_kind: 'exe',
    deployment_status: 'pending',
    attempt: 1,
    wave: 1,
    since: AT,
    ...change,
  })

export const aDevice = (change: Partial<z.input<typeof Device>> = {}): Device =>
  Device.parse({
    id: 1,
    name: 'PC-1',
    platform: 'windows',
    arch: 'x64',
    os_version: 'Windows 11',
    online: true,
    approved: true,
    blocked: false,
    pairing: null,
    owner_id: 1,
    agent_version: '0.1.0',
    agent_update: null,
    address: null,
    enrolled_at: AT,
    last_seen_at: AT,
    free_disk_bytes: null,
    reboot_pending: null,
    inventory_at: null,
    group_ids: [],
    split_from: null,
    ...change,
  })

const INSTALLER = {
  id: 1,
  platform: 'windows',
  arch: 'x64',
  kind: 'exe',
  archive: null,
  file_name: 'setup.exe',
  size_bytes: 1_000,
  sha256: 'a'.repeat(64),
  install_args: '/S',
  secret_args: [],
  secrets_lost: false,
  timeout_seconds: 3_600,
  success_exit_codes: [0, 3010],
  detection: null,
  file_missing: false,
  file_damaged: false,
  technology: null,
} as const

export const aSoftware = (
  change: Partial<z.input<typeof Software>> = {},
  installer: Partial<z.input<typeof Software>['installers'][number]> = {},
): Software =>
  Software.parse({
    id: 1,
    name: 'VLC',
    version: '3.0.21',
    publisher: 'VideoLAN',
    origin: 'library',
    owner_id: 1,
    created_at: AT,
    depends_on: [],
    installers: [{ ...INSTALLER, ...installer }],
    ...change,
  })

export const aDeployment = (change: Partial<z.input<typeof Deployment>> = {}): Deployment =>
  Deployment.parse({
    id: 1,
    name: 'VLC',
    status: 'in_progress',
    paused: false,
    pause_reason: null,
    pause_message: null,
    pause_code: null,
    pause_params: null,
    canceling: false,
    action: 'install',
    strategy_type: 'parallel',
    strategy: { max_concurrent: 50 },
    wave: 1,
    wave_count: 1,
    scheduled_at: null,
    maintenance_window: null,
    offline_policy: 'fail',
    wait_minutes: 60,
    reboot: 'never',
    reboot_delay_minutes: 10,
    restarts_canceled: false,
    allow_removals: false,
    restarts: { owed: 0, announced: 0, done: 0, failed: 0, canceled: 0 },
    created_by: 1,
    created_by_name: 'anna',
    created_at: AT,
    started_at: AT,
    ended_at: null,
    software_names: ['VLC'],
    device_count: 1,
    counts: {
      total: 1,
      pending: 1,
      downloading: 0,
      installing: 0,
      completed: 0,
      failed: 0,
      skipped: 0,
    },
    success_rate: null,
    ...change,
  })
