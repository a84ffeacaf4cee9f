import { RuleTester } from 'eslint'
import { describe, it } from 'vitest'
import { noUnboundedRegex } from './no-unbounded-regex.ts'

RuleTester.describe = describe
RuleTester.it = it

new RuleTester().run('no-unbounded-regex', noUnboundedRegex, {
  valid: [
    '/\\s+/g',
    '/^\\s*(?:a|b)+$/',
    '/^[A-Z0-9_]+$/',
    '/<[^>]{0,200}>/g',
    '/a{1,3}b/',
    '/<!--[^]*/',
    '/^btime (\\d+)$/m',
    '/^.*lock.*$/im',
    '/^(\\S+) (\\S+)$/',
    "/^from '([^'\\n]+)'/m",
    'new RegExp("^a+b$")',
    'new RegExp(text)',
  ],
  invalid: [
    { code: '/<[^>]*>/g', errors: [{ messageId: 'restarts' }] },
    { code: '/<!--[\\s\\S]*?-->/g', errors: [{ messageId: 'restarts' }] },
    { code: '/\\s+$/', errors: [{ messageId: 'restarts' }] },
    { code: '/^a|b+c/', errors: [{ messageId: 'restarts' }] },
    { code: '/^\\s+x/m', errors: [{ messageId: 'restarts' }] },
    { code: "/^from '([^']+)'/m", errors: [{ messageId: 'restarts' }] },
    { code: '/^.*end/ms', errors: [{ messageId: 'restarts' }] },
    { code: '/^(.+?)[ \\t]*$/', errors: [{ messageId: 'rereads' }] },
    { code: '/^(?:"([^"]+)"|(.+?\\.exe))\\s*(.*)$/is', errors: [{ messageId: 'rereads' }] },
    { code: '/(?:^|;)\\s*name/', errors: [{ messageId: 'restarts' }] },
    { code: '/^(a+)+$/', errors: [{ messageId: 'nested' }] },
    { code: '/x{2,}y/', errors: [{ messageId: 'restarts' }] },
    { code: 'new RegExp("<[^>]*>", "g")', errors: [{ messageId: 'restarts' }] },
  ],
})
