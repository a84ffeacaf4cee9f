/** The environment of an installer: that of a service, plus variables that identify the deployment. */
import type { DeployPayload } from '#shared/contract/agent/link.ts'
import { serviceEnvironment } from '../lib/environment.ts'

/** The base for everything that runs here on behalf of a user. */
export const cleanEnvironment = (): Record<string, string> => ({
  ...serviceEnvironment(),
  ...(process.platform === 'win32' ? {} : { DEBIAN_FRONTEND: 'noninteractive' }),
})

/**
 * @param temporary the attempt's own folder for temporary files: the PC's may be full, read-only or mounted
 * `noexec`. Windows keeps its own, because uninstallers continue there as copies of themselves after they
 * have ended.
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
