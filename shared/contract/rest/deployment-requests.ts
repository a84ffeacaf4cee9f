/** Bodies and queries about deployments. */
import { z } from 'zod'
import { WAIT_MINUTES } from '../../domain/defaults.ts'
import { DeploymentId, DeviceId, GroupId, SoftwareId, TargetId } from '../../domain/ids.ts'
import { MaintenanceWindow, windowMinutes } from '../../domain/maintenance-window.ts'
import { RESTART_NOTICE_MAX_MINUTES, RESTART_NOTICE_MINUTES } from '../../domain/restart-state.ts'
import { Strategy, strategyProblems, StrategyType } from '../../domain/strategy.ts'
import { Name, Page } from './common.ts'
import { repeatable } from './request-key.ts'
import { pathId } from './route.ts'
import { CustomSoftware, timeoutSeconds } from './software.ts'

export const CreateDeployment = z
  .object({
    ...repeatable,
    name: Name,
    software_ids: z.array(SoftwareId).max(50).default([]),
    device_ids: z.array(DeviceId).max(10_000).default([]),
    group_ids: z.array(GroupId).max(1_000).default([]),
    custom_software: z.array(CustomSoftware).max(20).default([]),
    strategy_type: StrategyType.default('parallel'),
    strategy: Strategy.prefault({}),
    offline_policy: z.enum(['fail', 'wait']).default('fail'),
    wait_minutes: z
      .number()
      .int()
      .min(1)
      .max(60 * 24 * 14)
      .default(WAIT_MINUTES),
    /** Nothing starts before this. */
    scheduled_at: z.iso.datetime({ offset: true }).optional(),
    maintenance_window: MaintenanceWindow.optional(),
    timeout_seconds: timeoutSeconds.optional(),
    action: z.enum(['install', 'uninstall']).default('install'),
    /** Whether a package may remove or downgrade other software that it conflicts with. */
    allow_removals: z.boolean().default(false),
    /** Whether PCs whose installer needs it are restarted, once all their packages have ended. */
    reboot: z.enum(['never', 'if_needed']).default('never'),
    /** Notice for people at the PC before a restart. */
    reboot_delay_minutes: z
      .number()
      .int()
      .min(1)
      .max(RESTART_NOTICE_MAX_MINUTES)
      .default(RESTART_NOTICE_MINUTES),
  })
  .refine((d) => d.software_ids.length + d.custom_software.length > 0, {
    path: ['software_ids'],
    message: 'choose at least one software package',
  })
  .refine((d) => d.device_ids.length + d.group_ids.length > 0, {
    path: ['device_ids'],
    message: 'choose at least one device or group',
  })
  .refine((d) => d.action === 'install' || d.custom_software.length === 0, {
    path: ['custom_software'],
    message: 'software from a web address can only be installed',
  })
  .refine(
    (d) =>
      d.reboot === 'never' ||
      !d.maintenance_window ||
      d.reboot_delay_minutes < windowMinutes(d.maintenance_window),
    {
      path: ['reboot_delay_minutes'],
      message: 'the notice of a restart must fit into the maintenance window',
    },
  )
  .superRefine((d, context) => {
    for (const { key, message } of strategyProblems(d.strategy_type, d.strategy))
      context.addIssue({ code: 'custom', path: ['strategy', key], message })
  })
export type CreateDeployment = z.infer<typeof CreateDeployment>

/** What a caller may send: defaults may be left out. */
export type CreateDeploymentInput = z.input<typeof CreateDeployment>

export const RetryRequest = z.object({
  target_ids: z.array(TargetId).min(1).max(10_000).optional(),
  ...repeatable,
})

/** The attempt whose output to return; left out: the current one. */
export const OutputQuery = z.object({ attempt: z.coerce.number().int().min(1).optional() })

/** Cell separator. Spreadsheets in countries with a decimal comma expect a semicolon. */
export const ReportSeparator = z.enum([',', ';', '\t'])
export type ReportSeparator = z.infer<typeof ReportSeparator>

export const ReportQuery = z.object({ separator: ReportSeparator.default(',') })

export const DeploymentQuery = Page.extend({
  status: z
    .enum(['active', 'pending', 'in_progress', 'completed', 'failed', 'partial', 'canceled'])
    .optional(),
  q: z.string().max(200).optional(),
  /** `next_after` of the previous page. Faster than `offset` for a long list. */
  after: pathId(DeploymentId).optional(),
})
