/** Shown in place of a secret, everywhere and to everyone. */
export const SECRET_MASK = '●●●'
