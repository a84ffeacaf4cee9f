const THIN = '\u202f'

/** A whole number with thin spaces between thousands. */
export const formatCount = (count: number): string =>
  String(Math.trunc(count)).replace(/\B(?=(\d{3})+(?!\d))/g, THIN)
