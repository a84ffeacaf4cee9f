/** Rejected passwords. No composition rules, because they lead to worse passwords (NIST SP 800-63B, 3.1.1.2). */

/** The passwords that attackers try first, if they are long enough to be allowed. */
const COMMONEST = new Set(
  `password passw0rd password1 password12 password123 p@ssword p@ssw0rd 12345678 123456789 1234567890 0123456789 0987654321
  987654321 87654321 11111111 00000000 88888888 12341234 11223344 1q2w3e4r 1qaz2wsx 1q2w3e4r5t qwertyui qwertyuiop qwerty123
  qwertz123 qwertzui asdfghjk asdfghjkl zaq12wsx abcd1234 abc12345 abcdefgh iloveyou sunshine princess football baseball
  superman trustno1 letmein1 welcome1 changeme computer internet administrator`.split(/\s+/),
)

/** Why the user may not have this password, to continue a sentence that starts with "It"; null: allowed. The length is checked elsewhere. */
export function passwordProblem(password: string, username: string): string | null {
  const text = password.normalize('NFKC').toLowerCase()
  const name = username.trim().normalize('NFKC').toLowerCase()
  if (text === name) return 'must not be the user name'
  if (COMMONEST.has(text)) return 'is among the first that anybody would try'
  if (new Set(text).size < 3) return 'must not be one or two characters over and over'
  return null
}
