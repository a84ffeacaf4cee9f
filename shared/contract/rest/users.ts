/** Users, their sessions and what they own, and the requests about them. Unknown keys are ignored; known keys of the wrong type or out of range are refused. */
import { z } from 'zod'
import { SessionId, UserId } from '../../domain/ids.ts'
import { Timestamp } from './common.ts'
import { repeatable } from './request-key.ts'
import { pathId } from './route.ts'

const count = z.number().int().nonnegative()

export const Role = z.enum(['admin', 'technician'])
export type Role = z.infer<typeof Role>

export const User = z.object({
  id: UserId,
  username: z.string(),
  role: Role,
  created_at: Timestamp,
  /** The user may not sign in, and their sessions have ended. */
  disabled: z.boolean(),
  /** Someone else chose the password: until the user has chosen one, all other requests are refused. */
  must_change_password: z.boolean(),
  last_login_at: Timestamp.nullable(),
  /** Consoles and scripts signed in as this user. */
  session_count: count,
  /** Change counter, as for a group. */
  version: count.default(0),
})
export type User = z.infer<typeof User>

/** One sign-in that has not ended. */
export const OwnSession = z.object({
  id: SessionId,
  created_at: Timestamp,
  /** To the minute. */
  last_used_at: Timestamp,
  expires_at: Timestamp,
  address: z.string().nullable(),
  /** The User-Agent of the program. */
  client: z.string().nullable(),
  /** The session of this request. */
  current: z.boolean(),
})
export type OwnSession = z.infer<typeof OwnSession>

/** What a user owns: when they are removed, it goes to another user or to nobody. */
export const Holdings = z.object({
  devices: count,
  groups: count,
  software: count,
  deployments: count,
  /** Deployments that have not ended; they continue. */
  active_deployments: count,
  /** Codes that still admit PCs. */
  enrollments: count,
})
export type Holdings = z.infer<typeof Holdings>

export const Username = z
  .string()
  .normalize('NFC')
  .trim()
  .min(1, 'must not be empty')
  .max(64, 'must be at most 64 characters')
  .regex(/^[\p{L}\p{N}._@-]+$/u, 'may hold letters, digits and . _ @ - only')

export const Password = z
  .string()
  .min(8, 'must be at least 8 characters')
  .max(256, 'must be at most 256 characters')

export const Credentials = z.object({ username: Username, password: Password })

/** The first account. `setup_code`: from `serve --setup-code`, or from the desktop app's own window. */
export const SetupRequest = Credentials.extend({ setup_code: z.string().max(100).optional() })

/** Sign-in accepts any text: text that breaks the rules is just a wrong password. */
export const LoginRequest = z.object({
  username: z.string().max(256),
  password: z.string().max(1024),
})

export const RefreshRequest = z.object({ refresh_token: z.string().min(1).max(512) })

export const CreateUser = Credentials.extend({
  role: Role,
  /** The administrator knows the first password: this makes it valid for one sign-in only. */
  must_change_password: z.boolean().optional(),
  ...repeatable,
})
export type CreateUser = z.infer<typeof CreateUser>

export const UpdateUser = z.object({
  username: Username.optional(),
  password: Password.optional(),
  role: Role.optional(),
  disabled: z.boolean().optional(),
  must_change_password: z.boolean().optional(),
  version: z.number().int().nonnegative().optional(),
})
export type UpdateUser = z.infer<typeof UpdateUser>

/** `old_password` accepts any text: text that breaks the rules is just a wrong password. */
export const ChangePassword = z.object({
  old_password: z.string().max(1024),
  new_password: Password,
})

/** The new owner of what the removed user had; left out: nobody, so only administrators see it. */
export const DeleteUserQuery = z.object({ transfer_to: pathId(UserId).optional() })
