/** What an installer finds in its environment: that of a service, and by what it is known. */
import type { DeployPayload } from '#shared/contract/agent-link.ts'
import { serviceEnvironment } from '../lib/environment.ts'

/** The same for everything that is run here on behalf of a person. */
export const cleanEnvironment = (): Record<string, string> => ({
  ...serviceEnvironment(),
  ...(process.platform === 'win32' ? {} : { DEBIAN_FRONTEND: 'noninteractive' }),
})

/**
 * @param temporary the attempt's own folder for temporary files: the PC's may be full, read-only or mounted `noexec`. Windows keeps
 * its own, where uninstallers go on as copies of themselves after they have ended.
 */
export const installerEnvironment = (
  payload: Pick<DeployPayload, 'deployment_id' | 'target_id' | 'attempt' | 'attempt_id'>,
  temporary: string,
  further: Record<string, string> = {},
): Record<string, string> => ({
  ...cleanEnvironment(),
  ...(process.platform === 'win32' ? {} : { TMPDIR: temporary }),
  ...further,
  DEPLOYX_DEPLOYMENT_ID: String(payload.deployment_id),
  DEPLOYX_TARGET_ID: String(payload.target_id),
  DEPLOYX_ATTEMPT: String(payload.attempt),
  DEPLOYX_ATTEMPT_ID: payload.attempt_id,
})
