import type { EnrollReply } from '#shared/contract/agent/link.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { ControllerKeys } from '../identity/index.ts'

/** What a newly enrolled PC receives, however it was enrolled. */
export const enrollReply = (
  { command, recoveryKey, succession }: ControllerKeys,
  deviceId: DeviceId,
  addresses: string[],
): EnrollReply => ({
  device_id: deviceId,
  command_key: command.publicKey,
  key_id: command.keyId,
  recovery_key: recoveryKey,
  generation: succession.generation,
  epoch: succession.epoch,
  addresses,
})
