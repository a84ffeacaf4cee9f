/** Routes about the controller itself: its identity, backup and restore. */
import { z } from 'zod'
import { Fingerprint } from '../../domain/ids.ts'
import { CheckStatus } from './check.ts'
import { Timestamp } from './common.ts'
import { repeatable } from './request-key.ts'
import { route } from './route.ts'

/** Passphrase of a recovery file. Long, because anyone who has the file can guess without limit. */
export const Passphrase = z.string().min(12).max(256)
export const SaveRecoveryFile = z.object({ passphrase: Passphrase })
export const RotateKeys = z
  .object({
    tls: z.boolean().default(false),
    command: z.boolean().default(false),
    ...repeatable,
  })
  .refine(({ tls, command }) => tls || command, 'name at least one key: tls, command')
/** Text fields beside the file of a restore. */
export const RestoreFields = z.object({
  passphrase: z.string().min(1).max(256),
  /** The old computer may be in other hands: agents refuse its keys. */
  revoke: z.enum(['true', 'false']).default('false'),
  /** As for the first account, which a restore replaces. */
  setup_code: z.string().max(100).optional(),
})
export type RestoreFields = z.infer<typeof RestoreFields>
const RestoreForm = z.object({ file: z.file() }).extend(RestoreFields.shape)

export const ControllerIdentityView = z.object({
  fingerprint: Fingerprint,
  key_id: z.string(),
  generation: z.number().int(),
  epoch: z.number().int(),
  /** When the keys were last changed; null: they date from the first start. */
  changed_at: Timestamp.nullable(),
  /** Whether the system keystore protects the key files; otherwise only file permissions do. */
  keystore: z.boolean(),
  /** Whether a recovery file was ever saved. */
  recovery_saved: z.boolean(),
  /** When it was last saved; null: never, or unknown. A file older than `changed_at` holds old keys. */
  recovery_saved_at: Timestamp.nullable(),
  /** Devices that have connected since the last change. The others follow when they come back. */
  devices_followed: z.number().int(),
  devices_total: z.number().int(),
})
export type ControllerIdentityView = z.infer<typeof ControllerIdentityView>

export const controllerRoutes = {
  'controller.check': route({
    method: 'GET',
    path: '/controller/check',
    access: 'admin',
    summary: 'Progress of the controller check, and the findings of the last one',
    reply: CheckStatus,
  }),
  'controller.start_check': route({
    method: 'POST',
    path: '/controller/check',
    access: 'admin',
    summary: 'Check database, keys, packages, permissions, space and addresses. Changes nothing',
    reply: CheckStatus,
  }),
  'controller.cancel_check': route({
    method: 'DELETE',
    path: '/controller/check',
    access: 'admin',
    summary: 'Cancel the running check',
    reply: CheckStatus,
  }),
  'controller.identity': route({
    method: 'GET',
    path: '/controller/identity',
    access: 'admin',
    summary: "The public part of the controller's keys",
    reply: ControllerIdentityView,
  }),
  'controller.rotate': route({
    method: 'POST',
    path: '/controller/identity/rotate',
    access: 'admin',
    summary: 'Replace the keys; agents follow by themselves',
    repeatable: true,
    body: RotateKeys,
    reply: ControllerIdentityView,
  }),
  'controller.save_recovery': route({
    method: 'POST',
    path: '/controller/recovery-file',
    access: 'admin',
    summary: 'Save keys and database as one encrypted file',
    transport: 'file',
    body: SaveRecoveryFile,
    media: 'application/octet-stream',
    reply: z.unknown(),
  }),
  'controller.restore': route({
    method: 'POST',
    path: '/controller/restore',
    access: 'none',
    summary:
      'Restore a controller from its recovery file (loopback only, before the first account; multipart: file + passphrase, revoke)',
    transport: 'multipart',
    form: RestoreForm,
    reply: z.object({ success: z.literal(true), restarting: z.boolean() }),
  }),
} as const
