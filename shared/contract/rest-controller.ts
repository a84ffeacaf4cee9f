/** Routes about the controller itself: who it is, and how it is saved and taken up elsewhere. */
import { z } from 'zod'
import { Fingerprint } from '../domain/ids.ts'
import { CheckStatus } from './check.ts'
import { Timestamp } from './entities.ts'
import { route } from './route.ts'

/** Of a recovery file. Whoever finds the file can try as many as he likes, so it has to be long. */
export const Passphrase = z.string().min(12).max(256)
export const SaveRecoveryFile = z.object({ passphrase: Passphrase })
export const RotateKeys = z
  .object({ tls: z.boolean().default(false), command: z.boolean().default(false) })
  .refine(({ tls, command }) => tls || command, 'name at least one key: tls, command')
/** Text fields beside the file of a restore. */
export const RestoreFields = z.object({
  passphrase: z.string().min(1).max(256),
  /** The computer of before may be in other hands: agents turn away from its keys. */
  revoke: z.enum(['true', 'false']).default('false'),
  /** As for the first account, whose place this takes. */
  setup_code: z.string().max(100).optional(),
})
export type RestoreFields = z.infer<typeof RestoreFields>
const RestoreForm = z.object({ file: z.file() }).extend(RestoreFields.shape)

export const ControllerIdentityView = z.object({
  fingerprint: Fingerprint,
  key_id: z.string(),
  generation: z.number().int(),
  epoch: z.number().int(),
  /** When the keys were changed last; null while they are those of the first start. */
  changed_at: Timestamp.nullable(),
  /** Whether the operating system's keystore protects the key files; else only their permissions do. */
  keystore: z.boolean(),
  /** Whether a recovery file was ever saved. */
  recovery_saved: z.boolean(),
  /** The last time; null when never, or not known. One from before `changed_at` holds keys of before. */
  recovery_saved_at: Timestamp.nullable(),
  /** Devices that have been here since the last change, of all. The others follow when they come back. */
  devices_followed: z.number().int(),
  devices_total: z.number().int(),
})
export type ControllerIdentityView = z.infer<typeof ControllerIdentityView>

export const controllerRoutes = {
  'controller.check': route({
    method: 'GET',
    path: '/controller/check',
    access: 'admin',
    summary: 'How far the check of the controller is, and what the last one found',
    reply: CheckStatus,
  }),
  'controller.start_check': route({
    method: 'POST',
    path: '/controller/check',
    access: 'admin',
    summary: 'Check database, keys, packages, permissions, space and addresses; reads only',
    reply: CheckStatus,
  }),
  'controller.cancel_check': route({
    method: 'DELETE',
    path: '/controller/check',
    access: 'admin',
    summary: 'Cancel the check that is running',
    reply: CheckStatus,
  }),
  'controller.identity': route({
    method: 'GET',
    path: '/controller/identity',
    access: 'admin',
    summary: "The controller's keys, as far as they are public",
    reply: ControllerIdentityView,
  }),
  'controller.rotate': route({
    method: 'POST',
    path: '/controller/identity/rotate',
    access: 'admin',
    summary: 'Make new keys; agents follow by themselves',
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
      'Take up a controller from its recovery file (loopback only, before the first account; multipart: file + passphrase, revoke)',
    transport: 'multipart',
    form: RestoreForm,
    reply: z.object({ success: z.literal(true), restarting: z.boolean() }),
  }),
} as const
