import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { PauseReason } from '#shared/contract/rest/deployments.ts'
import type { TextCode } from '#shared/domain/coded-texts/codes.ts'
import type { DeploymentState } from '#shared/domain/deployment-state.ts'
import type {
  AttemptId,
  DeploymentId,
  DeviceId,
  GroupId,
  InstallerId,
  RestartId,
  SoftwareId,
  TargetId,
  UserId,
} from '#shared/domain/ids.ts'
import type { MaintenanceWindow } from '#shared/domain/maintenance-window.ts'
import type { DeferReason, TargetReason } from '#shared/domain/reasons.ts'
import type { RestartState } from '#shared/domain/restart-state.ts'
import type { Strategy } from '#shared/domain/strategy.ts'
import type { TargetState } from '#shared/domain/target-state.ts'
import { OPEN_RESTARTS } from '../state-lists.ts'
import { devices } from './devices.ts'
import { installers, software } from './software.ts'
import { users } from './users.ts'

export const deployments = sqliteTable(
  'deployments',
  {
    id: integer().$type<DeploymentId>().primaryKey({ autoIncrement: true }),
    name: text().notNull(),
    status: text().$type<DeploymentState>().notNull(),
    created_by: integer()
      .$type<UserId>()
      .references(() => users.id, { onDelete: 'set null' }),
    /** The creator's name, kept after the account was removed. */
    created_by_name: text(),
    created_at: text().notNull(),
    started_at: text(),
    ended_at: text(),
    action: text({ enum: ['install', 'uninstall'] }).notNull(),
    strategy_type: text({ enum: ['parallel', 'rolling', 'canary'] }).notNull(),
    strategy: text({ mode: 'json' })
      .$type<Strategy>()
      .notNull()
      .default(sql`'{"max_concurrent":50}'`),
    wave_count: integer().notNull().default(1),
    /** The current wave; 0 before the start. */
    wave: integer().notNull().default(0),
    /** Epoch ms. When the current wave ended, if others follow. */
    wave_ended_at_ms: integer(),
    /** Epoch ms. When its targets could first start; the wait for offline devices counts from here. */
    ready_since_ms: integer(),
    /** Ended targets since the start or the last resume: the basis of the failure threshold. */
    round_completed: integer().notNull().default(0),
    round_failed: integer().notNull().default(0),
    scheduled_at: text(),
    /**
     * The selection, if it starts later: its targets are determined then. Null: they were
     * determined at creation.
     */
    chosen: text({ mode: 'json' }).$type<{
      device_ids: DeviceId[]
      group_ids: GroupId[]
      software_ids: SoftwareId[]
    }>(),
    maintenance_window: text({ mode: 'json' }).$type<MaintenanceWindow>(),
    offline_policy: text({ enum: ['fail', 'wait'] }).notNull(),
    wait_minutes: integer().notNull(),
    timeout_seconds: integer(),
    reboot: text({ enum: ['never', 'if_needed'] })
      .notNull()
      .default('never'),
    reboot_delay_minutes: integer().notNull().default(10),
    allow_removals: integer({ mode: 'boolean' }).notNull().default(false),
    restarts_canceled: integer({ mode: 'boolean' }).notNull().default(false),
    paused: integer({ mode: 'boolean' }).notNull().default(false),
    pause_reason: text().$type<PauseReason>(),
    pause_message: text(),
    /** The same sentence as a code, and its parameters as JSON. Null in rows of earlier versions. */
    pause_code: text().$type<TextCode>(),
    pause_params: text(),
    canceling: integer({ mode: 'boolean' }).notNull().default(false),
    software_names: text({ mode: 'json' }).$type<string[]>().notNull(),
    device_count: integer().notNull(),
    // How many targets are in each state: updated in the transaction that moves a target, never
    // recounted.
    pending: integer().notNull().default(0),
    downloading: integer().notNull().default(0),
    installing: integer().notNull().default(0),
    completed: integer().notNull().default(0),
    failed: integer().notNull().default(0),
    skipped: integer().notNull().default(0),
  },
  (t) => [
    index('deployments_status').on(t.status),
    // Deployments whose PCs may need a restart.
    index('deployments_restarting')
      .on(t.reboot)
      .where(
        sql`reboot = 'if_needed' and canceling = 0 and restarts_canceled = 0 and status <> 'canceled'`,
      ),
    index('deployments_owner').on(t.created_by),
    index('deployments_owner_status').on(t.created_by, t.status),
  ],
)

/** How many deployments each user has in each state: updated by triggers, so that no query counts them. */
export const deploymentCounts = sqliteTable(
  'deployment_counts',
  {
    /** 0: no owner. */
    owner_id: integer().notNull(),
    status: text().$type<DeploymentState>().notNull(),
    deployments: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.owner_id, t.status] })],
)

export const deploymentTargets = sqliteTable(
  'deployment_targets',
  {
    id: integer().$type<TargetId>().primaryKey({ autoIncrement: true }),
    deployment_id: integer()
      .$type<DeploymentId>()
      .notNull()
      .references(() => deployments.id, { onDelete: 'cascade' }),
    device_id: integer()
      .$type<DeviceId>()
      .notNull()
      .references(() => devices.id),
    software_id: integer()
      .$type<SoftwareId>()
      .notNull()
      .references(() => software.id),
    installer_id: integer()
      .$type<InstallerId>()
      .references(() => installers.id),
    /** Position of the software in the deployment's order, from 0. */
    position: integer().notNull(),
    /** The wave of its device, from 1. */
    wave: integer().notNull().default(1),
    deployment_status: text().$type<TargetState>().notNull(),
    reason: text().$type<TargetReason>(),
    attempt: integer().notNull().default(1),
    /** The active attempt's key, or the last one's once it has ended. */
    attempt_id: text().$type<AttemptId>(),
    result_message: text(),
    /** The same text as a code, and its parameters as JSON. Null if an agent sent only text, and in rows of earlier versions. */
    result_code: text().$type<TextCode>(),
    result_params: text(),
    error_details: text(),
    exit_code: integer(),
    bytes: integer(),
    total_bytes: integer(),
    started_at: text(),
    completed_at: text(),
    since: text().notNull(),
    /** Epoch ms. When the pending attempt was last sent to the agent, with no reply yet. */
    offered_at_ms: integer(),
    /** Epoch ms. Not offered before this. */
    not_before_ms: integer(),
    /** Epoch ms. The deadline of the current state. */
    deadline_ms: integer(),
    /** Epoch ms. Until when "another installation is running" leads to another attempt. */
    retry_until_ms: integer(),
    /** Why the PC defers the work, as it reports, and epoch ms since when. */
    held_by: text().$type<DeferReason>(),
    held_since_ms: integer(),
    /** The restart that will complete it. */
    restart_id: text().$type<RestartId>(),
  },
  (t) => [
    index('deployment_targets_state').on(t.deployment_id, t.deployment_status),
    index('deployment_targets_device').on(t.device_id, t.deployment_status),
    index('deployment_targets_ended')
      .on(t.completed_at, t.deployment_status, t.deployment_id)
      .where(sql`completed_at is not null`),
    uniqueIndex('deployment_targets_once').on(t.deployment_id, t.device_id, t.software_id),
    index('deployment_targets_reboot')
      .on(t.deployment_id, t.device_id)
      .where(sql`reason = 'reboot_pending' and restart_id is null`),
    index('deployment_targets_restart')
      .on(t.restart_id)
      .where(sql`restart_id is not null`),
    // One unanswered command per device. Accepted ones may be several: a device that was offline
    // may come back with an attempt that was abandoned meanwhile.
    uniqueIndex('deployment_targets_offered')
      .on(t.device_id)
      .where(sql`deployment_status = 'pending' and offered_at_ms is not null`),
  ],
)

/** Every attempt that was ever offered, and how it ended. */
export const deploymentAttempts = sqliteTable(
  'deployment_attempts',
  {
    attempt_id: text().$type<AttemptId>().primaryKey(),
    target_id: integer()
      .$type<TargetId>()
      .notNull()
      .references(() => deploymentTargets.id, { onDelete: 'cascade' }),
    attempt: integer().notNull(),
    created_at: text().notNull(),
    ended_at: text(),
    status: text({ enum: ['success', 'failed', 'skipped'] }),
    reason: text().$type<TargetReason>(),
    message: text(),
    /** As in targets. */
    result_code: text().$type<TextCode>(),
    result_params: text(),
    exit_code: integer(),
    output_head_bytes: integer().notNull().default(0),
    output_tail_bytes: integer().notNull().default(0),
    output_omitted_bytes: integer().notNull().default(0),
    output_last_seq: integer().notNull().default(0),
    /** Sealed: the end of the received output, held back while it may be the beginning of a secret. */
    output_held: text(),
  },
  (t) => [
    index('deployment_attempts_target').on(t.target_id),
    uniqueIndex('deployment_attempts_live')
      .on(t.target_id)
      .where(sql`ended_at is null`),
  ],
)

export const attemptOutputs = sqliteTable(
  'attempt_outputs',
  {
    id: integer().primaryKey({ autoIncrement: true }),
    attempt_id: text()
      .$type<AttemptId>()
      .notNull()
      .references(() => deploymentAttempts.attempt_id, { onDelete: 'cascade' }),
    seq: integer().notNull(),
    /** The head stays; newer output replaces the tail. */
    part: text({ enum: ['head', 'tail'] }).notNull(),
    size_bytes: integer().notNull(),
    text: text().notNull(),
  },
  (t) => [uniqueIndex('attempt_outputs_seq').on(t.attempt_id, t.seq)],
)

/**
 * Restarts of PCs for deployments. A device gets another row if targets request a restart after the
 * previous one was ordered.
 */
export const deviceRestarts = sqliteTable(
  'device_restarts',
  {
    restart_id: text().$type<RestartId>().primaryKey(),
    deployment_id: integer()
      .$type<DeploymentId>()
      .notNull()
      .references(() => deployments.id, { onDelete: 'cascade' }),
    device_id: integer()
      .$type<DeviceId>()
      .notNull()
      .references(() => devices.id),
    /** Counts the restarts of this device for this deployment, from 1. */
    round: integer().notNull(),
    state: text().$type<RestartState>().notNull(),
    /** Why it waits. */
    reason: text().$type<TargetReason>(),
    message: text(),
    message_code: text().$type<TextCode>(),
    /** JSON. */
    message_params: text(),
    /** The boot of the PC that the restart will end. Null: its agent has not connected since. */
    boot_id: text(),
    /** Its order is being withdrawn: a user cancelled it, or it is overdue. */
    calling_off: text({ enum: ['canceled', 'overdue'] }),
    created_at: text().notNull(),
    since: text().notNull(),
    /** Epoch ms. Since when the deployment itself no longer blocks it. */
    ready_since_ms: integer(),
    /** Epoch ms. Not ordered before this. */
    not_before_ms: integer(),
    /** Epoch ms. When it was ordered. */
    ordered_at_ms: integer(),
    /** Epoch ms. The end of its notice period. */
    due_at_ms: integer(),
  },
  (t) => [
    uniqueIndex('device_restarts_once').on(t.deployment_id, t.device_id, t.round),
    index('device_restarts_open')
      .on(t.state)
      .where(sql`state in ${sql.raw(OPEN_RESTARTS)}`),
  ],
)
