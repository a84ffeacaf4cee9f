/** Ids are branded, so that a deployment's id cannot be used for a target. The store numbers rows; attempts are random. */
import { z } from 'zod'

const rowId = () => z.number().int().positive().max(Number.MAX_SAFE_INTEGER)

export const UserId = rowId().brand<'UserId'>()
export type UserId = z.infer<typeof UserId>
export const DeviceId = rowId().brand<'DeviceId'>()
export type DeviceId = z.infer<typeof DeviceId>
export const GroupId = rowId().brand<'GroupId'>()
export type GroupId = z.infer<typeof GroupId>
export const SoftwareId = rowId().brand<'SoftwareId'>()
export type SoftwareId = z.infer<typeof SoftwareId>
export const InstallerId = rowId().brand<'InstallerId'>()
export type InstallerId = z.infer<typeof InstallerId>
export const EnrollmentId = rowId().brand<'EnrollmentId'>()
export type EnrollmentId = z.infer<typeof EnrollmentId>
export const DeploymentId = rowId().brand<'DeploymentId'>()
export type DeploymentId = z.infer<typeof DeploymentId>
export const TargetId = rowId().brand<'TargetId'>()
export type TargetId = z.infer<typeof TargetId>

/** Identifies one attempt forever: row ids can repeat after a restored backup, this cannot. Hex: the time in ms (48 bits), then 80 random bits. */
export const AttemptId = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .brand<'AttemptId'>()
export type AttemptId = z.infer<typeof AttemptId>

/** Identifies one restart of a PC forever. 128 random bits, hex. */
export const RestartId = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .brand<'RestartId'>()
export type RestartId = z.infer<typeof RestartId>

/** Identifies one sign-in. Not a secret: it is useless without the controller's signature. 128 random bits, hex. */
export const SessionId = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .brand<'SessionId'>()
export type SessionId = z.infer<typeof SessionId>

/** SHA-256 of some bytes, lower-case hex. */
export const Sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .brand<'Sha256'>()
export type Sha256 = z.infer<typeof Sha256>

/** Pin of the hub's TLS key: `sha256/` and the base64 SHA-256 of its SubjectPublicKeyInfo (DER). */
export const Fingerprint = z.string().regex(/^sha256\/[A-Za-z0-9+/]{43}=$/)
export type Fingerprint = z.infer<typeof Fingerprint>
