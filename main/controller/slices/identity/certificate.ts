/** The hub's certificate, created once per key. */
import { SUCCESSION_NAME, type SignedSuccession } from '#shared/contract/agent/succession.ts'
import { makeSelfSigned } from '../../base/self-signed.ts'

const CERTIFICATE_DAYS = 20 * 365

/**
 * A self-signed certificate for this key, both PEM. Agents pin the key, not the certificate, so its
 * name and dates do not matter and may be renewed at any time. Its additional names carry the
 * statements by which agents follow a key change.
 */
export const selfSigned = (
  keyPem: string,
  statements: readonly SignedSuccession[],
): Promise<string> =>
  makeSelfSigned(keyPem, {
    name: 'DeployX hub',
    days: CERTIFICATE_DAYS,
    names: [
      { type: 'dns', value: 'deployx.invalid' },
      ...statements.map((statement) => ({
        type: 'url' as const,
        value: SUCCESSION_NAME + Buffer.from(JSON.stringify(statement)).toString('base64url'),
      })),
    ],
  })
