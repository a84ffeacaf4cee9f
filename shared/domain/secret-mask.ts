/** What stands in the place of a secret, everywhere and for everybody. */
export const SECRET_MASK = '●●●'
