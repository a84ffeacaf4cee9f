/** The hub's certificate, made once for each of its keys. */
import { SUCCESSION_NAME, type SignedSuccession } from '#shared/contract/succession.ts'
import { makeSelfSigned } from '../lib/self-signed.ts'

const CERTIFICATE_DAYS = 20 * 365

/**
 * A self-signed certificate for this key, both PEM. Agents pin the key, not the certificate: name and dates in it mean
 * nothing and may be renewed at will. Its further names carry the statements by which agents follow a change of keys.
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
