/** Which argument names usually hold a secret. Pure. */

/** Words that contain one of the patterns below but mean something else. */
const HARMLESS =
  /passive|passthr(?:ough|u)|passage|bypass|compass|keyboard|keyword|keymap|keystroke|keyserver|keyring|hotkey|monkey|turkey|serialport|serialis|serializ|tokenis|tokeniz/g
/** Anywhere in the name. */
const SECRET_PARTS =
  /pass(?:w|ph|code|$)|^pass|pwd|token|secret|serial|licen[cs]e|credential|activation|key|li[zc]en[zc]|kennwort|seriennummer|(?:reg|auth|unlock)code/
/** As a whole word of the name. */
const SECRET_WORDS = new Set([
  ...['pass', 'pin', 'psk', 'otp', 'lic', 'sn', 'cred', 'creds', 'unlock'],
])
/** Words of switches, which take no value. */
const SWITCH_WORDS = new Set(
  'accept accepted agree no skip without show enable disable use allow ignore hide reset'.split(
    ' ',
  ),
)
/** Values of switches such as ACCEPTLICENSE=1. They do not exempt a password. */
const FLAG = /^(?:0|1|yes|no|y|n|true|false|on|off|accept(?:ed)?|agree|none|never|always)$/i
const ALWAYS = /pass|pwd|token|secret|kennwort/
const NAME_LIMIT = 200

/** "APIKey" → api key, "PRODUCT_KEY" → product key */
const wordsOf = (name: string): string[] =>
  name
    .slice(0, NAME_LIMIT)
    .replace(/([a-z0-9])(?=[A-Z])/g, '$1 ')
    .toLowerCase()
    .split(/[^\p{L}]+/u)

/** Whether an argument with this name usually has a secret value: PIDKEY, --password, apiToken. */
export function isSecretName(name: string): boolean {
  const words = wordsOf(name)
  const plain = words.join('').replace(HARMLESS, ' ')
  return SECRET_PARTS.test(plain) || words.some((word) => SECRET_WORDS.has(word))
}

/** Whether an option of this name (`--password`) takes the next argument as its secret value. */
export function takesSecret(name: string): boolean {
  const words = wordsOf(name)
  return isSecretName(name) && !words.some((word) => SWITCH_WORDS.has(word))
}

/** Whether a value is a flag (yes or no) and not a secret. */
export const isFlagValue = (name: string, value: string): boolean =>
  FLAG.test(value) && !ALWAYS.test(wordsOf(name).join('').replace(HARMLESS, ' '))
