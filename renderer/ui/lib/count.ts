/** A whole number with a comma between thousands. */
export const formatCount = (count: number): string =>
  String(Math.trunc(count)).replace(/\B(?=(\d{3})+(?!\d))/g, ',')
