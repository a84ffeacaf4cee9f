/** The hub's two HTTPS routes: enrolment and package downloads. */
import { generateKeyPairSync, sign } from 'node:crypto'
import { ENROLL_PATH, EnrollRequest, enrollText } from '#shared/contract/agent/link.ts'
import { parseEnrollmentCode } from '#shared/domain/enrollment-code.ts'
import { asWord, inUrl, type FuzzContext, type Send } from './context.ts'
import { call } from './http.ts'

/** @param code null: without a valid code, so nothing may be admitted */
export function enrollment(context: FuzzContext, code: string | null): Send {
  const { values } = context
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const public_key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const known = code === null ? null : parseEnrollmentCode(code)
  const surface = known ? 'enrolment, with a code' : 'enrolment, without a code'
  return async () => {
    const request = values.fitting(EnrollRequest) as EnrollRequestBody
    if (known && values.chance(0.6)) {
      const text = enrollText(known.fingerprint, known.secret, public_key)
      request.protocol = 1
      request.secret = known.secret
      request.public_key = public_key
      request.signature = sign(null, Buffer.from(text), privateKey).toString('base64')
    }
    const body = values.chance(0.5) ? request : values.broken(request)
    const answer = await call(context, {
      port: 'hub',
      method: values.chance(0.95) ? 'POST' : 'PUT',
      path: ENROLL_PATH,
      headers: { 'content-type': 'application/json' },
      body: values.chance(0.9) ? JSON.stringify(body) : values.bytes(20_000),
      surface,
    })
    if (answer?.status === 200 && !known)
      context.found('unauthenticated_effect', 'an agent was admitted without a code')
  }
}
type EnrollRequestBody = { protocol: number; secret: string; public_key: string; signature: string }

const HEX = '0123456789abcdef'
/** Made-up package addresses; none of them may be served. */
export function content(context: FuzzContext): Send {
  const { values } = context
  const hex = (length: number) => Array.from({ length }, () => values.pick([...HEX])).join('')
  return async () => {
    const attempt =
      values.chance(0.5) && context.target.attemptIds.length > 0
        ? values.pick(context.target.attemptIds)
        : hex(32)
    const ticket = values.bytes(33).toString('base64url').padEnd(43, 'A').slice(0, 43)
    const path = values.pick([
      `/content/${attempt}/${hex(64)}?t=${ticket}`,
      `/content/${attempt}/${hex(64)}`,
      `/content/${attempt}/..%2f..%2f..%2fdeployx.db?t=${ticket}`,
      `/content/../../deployx.db`,
      `/content/${'a/'.repeat(values.below(3_000))}`,
      `/${inUrl(asWord(values.nasty()).slice(0, 2_000))}`,
    ])
    const answer = await call(context, {
      port: 'hub',
      method: values.pick(['GET', 'GET', 'HEAD', 'POST', 'DELETE']),
      path,
      headers: values.chance(0.3)
        ? {
            range: values.pick([
              'bytes=0-',
              'bytes=-1',
              'bytes=9-1',
              'x',
              `bytes=${'0-1,'.repeat(500)}`,
            ]),
          }
        : {},
      surface: 'content addresses',
    })
    if (answer && answer.status < 400)
      context.found('unauthenticated_effect', `${path} was served with ${answer.status}`)
  }
}
